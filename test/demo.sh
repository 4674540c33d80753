#!/bin/sh
# make demo: names for ssh from an emulated Azure on this machine, then a real ssh,
# scp and rsync to a real sshd, by them.  Touches nothing outside a temporary folder.
set -eu
: "${BUILD:?}"
top=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/arc-relay-demo.XXXXXX")
sshd_pid= azure_pid=

cleanup() {
	[ -z "$sshd_pid" ] || kill "$sshd_pid" 2>/dev/null || true
	[ -z "$azure_pid" ] || kill "$azure_pid" 2>/dev/null || true
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

say() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

wait_until() {
	n=0
	until "$@" 2>/dev/null; do
		n=$((n + 1))
		[ "$n" -lt 300 ] || { echo "demo: gave up waiting: $*" >&2; exit 1; }
		sleep 0.1
	done
}

say "a machine with an SSH server, as it might stand in a closet"
for key in host_key user_key; do
	ssh-keygen -q -t ed25519 -N '' -f "$dir/$key"
done
cp "$dir/user_key.pub" "$dir/authorized_keys"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$dir/sshd_config" <<END
ListenAddress 127.0.0.1:$port
HostKey $dir/host_key
AuthorizedKeysFile $dir/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
END
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
/usr/sbin/sshd -D -e -f "$dir/sshd_config" 2> "$dir/sshd.log" &
sshd_pid=$!
wait_until grep -q 'Server listening' "$dir/sshd.log"
echo "sshd listens on 127.0.0.1:$port"

say "an emulated Azure: Entra ID, ARM, Resource Graph, Azure Relay, and the Arc agents"
python3 "$top/test/emulator/emulator.py" --dir "$dir/azure" \
    --machine "web01=$port,group=prod,tag:env=prod" \
    --machine "db01=$port,group=prod,tag:env=prod" \
    --machine "db01=$port,group=test,tag:env=test" > "$dir/azure.out" 2>&1 &
azure_pid=$!
wait_until grep -q ready "$dir/azure.out"
. "$dir/azure/ports"
echo "machine: $MACHINE_ID_1"

# the login of a service principal; a home of our own
export AZURE_TENANT_ID="$TENANT_ID" AZURE_CLIENT_ID="$CLIENT_ID" \
    AZURE_CLIENT_SECRET="$CLIENT_SECRET"
export HOME="$dir/home" PATH="$BUILD:$PATH"
unset XDG_RUNTIME_DIR XDG_CACHE_HOME XDG_STATE_HOME
mkdir -p -m 700 "$HOME" "$HOME/.ssh"
cat > "$HOME/.ssh/config" <<END
Host *
    User $(id -un)
    IdentityFile $dir/user_key
    UserKnownHostsFile $dir/known_hosts
    StrictHostKeyChecking accept-new
    LogLevel ERROR
END

cd "$dir"
say "the machines, in all subscriptions"
show arc-relay list --cloud-file azure/cloud.json

say "their names for ssh: once, and without a secret in it"
show arc-relay config install --cloud-file azure/cloud.json \
    --connect-to "127.0.0.1:$RELAY_PORT" 2> config.err
grep -A 7 '^Host web01' home/.ssh/config.d/arc-relay.conf | fold -w 79

say "ssh (with -F, since ssh does not look into this home)"
config=home/.ssh/config
answer=$(show ssh -F $config web01.arc 'echo "hello from $(uname -n), over $SSH_CONNECTION"' | tee /dev/stderr)
case $answer in *hello*) ;; *) exit 1 ;; esac

say "scp, up and down"
head -c 20000000 /dev/urandom > original
show scp -q -F $config original "web01.arc:$dir/there"
show scp -q -F $config "web01.arc:$dir/there" back
show sha256sum original there back
cmp original there && cmp original back

say "rsync"
mkdir -p tree/a tree/b
for i in 1 2 3 4 5 6; do
	head -c "${i}0000" /dev/urandom > "tree/a/file$i"
	head -c "$i" /dev/urandom > "tree/b/file$i"
done
show rsync -a --stats -e "ssh -F $config" tree/ "web01.arc:$dir/copy/" | grep -E '^\$|files transferred|bytes sent'
diff -r tree copy

say "a name that two machines have is neither's"
show ssh -F $config db01.prod.arc 'echo "this is db01 of prod"'
if ssh -F $config db01.arc true 2> /dev/null; then exit 1; fi

say "and when something is wrong, ssh itself says what, and what to do"
kill "$sshd_pid"
wait "$sshd_pid" 2>/dev/null || true
sshd_pid=
if reason=$(ssh -F $config web01.arc true 2>&1); then exit 1; fi
printf '$ ssh -F %s web01.arc\n%s\n' "$config" "$reason"
case $reason in *"nothing listens on port 22 of the machine"*) ;; *) exit 1 ;; esac

printf '\ndemo: ok\n'
