# Completion of arc-relay and arc-relay-proxy for bash 4.  Verbs and options are
# read from --help, machines from what is kept (arc-relay names): no network.
# Installed as bash-completion/completions/arc-relay and arc-relay-proxy.

# PROGRAM [VERB]: "--name ARG", or "--name", for each option
_arc_relay_options() {
	"$@" --help 2>/dev/null </dev/null |
	    sed -nE 's/^  (-.,|   ) (--[a-z-]+)( [^ ]+)?.*/\2\3/p'
}

# Adds the words, one a line on stdin, that begin with $1, in any case.
_arc_relay_add() {
	local word
	while IFS= read -r word; do
		[[ ${word,,} == "${1,,}"* ]] && COMPREPLY+=("$word")
	done
}

# PREFIX PROGRAM: machines, as whoever the options before the cursor make us.
_arc_relay_machines() {
	local i tool=arc-relay word value
	local -a who=()
	[[ $2 == */* ]] && tool=${2%/*}/arc-relay
	for ((i = 1; i < COMP_CWORD - 1; i++)); do
		word=${COMP_WORDS[i]} value=${COMP_WORDS[i + 1]}
		[[ $value == '=' ]] && value=${COMP_WORDS[i + 2]}
		case $word in
		--cloud | --cloud-file | --credential)
			who+=("$word" "${value/#~\//$HOME/}") ;;
		esac
	done
	_arc_relay_add "$1" < <("$tool" names "${who[@]}" -- "$1" \
	    2>/dev/null </dev/null)
}

_arc_relay() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]/#~\//$HOME/} kind usage word argument
	local -a command=("$program")

	COMPREPLY=()
	if [[ $prev == '=' && COMP_CWORD -gt 2 ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $cur == '=' ]]; then
		cur=
	fi
	if [[ ${program##*/} == arc-relay ]]; then
		if ((COMP_CWORD == 1)); then
			_arc_relay_add "$cur" < <("$program" --help |
			    sed -nE 's/^  ([a-z]+) .*/\1/p'
			    printf -- '%s\n' --help --version)
			return
		fi
		command+=("${COMP_WORDS[1]}")
	fi

	kind=
	while [[ $prev == -* ]] && read -r word argument; do
		[[ $word == "$prev" ]] && kind=$argument
	done < <(_arc_relay_options "${command[@]}")
	case $prev:$kind in
	--cloud:*)
		_arc_relay_add "$cur" <<< $'AzureCloud\nAzureUSGovernment\nAzureChinaCloud'
		return ;;
	--credential:*)
		_arc_relay_add "$cur" < <("${command[@]}" --help |
		    sed -n '/^Token sources/,$s/^  \([a-z-]*\) .*/\1/p')
		return ;;
	*:FILE | -r:* | --cloud-file:* | --ca-file:*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return ;;
	*:HOST | *:TARGET)
		_arc_relay_machines "$cur" "$program"
		return ;;
	*:?*)	return ;;
	esac
	if [[ $cur == -* ]]; then
		_arc_relay_add "$cur" < <(_arc_relay_options "${command[@]}" |
		    sed 's/ .*//')
		return
	fi
	usage=$("${command[@]}" --help 2>/dev/null </dev/null | sed '/^$/,$d')
	if ((COMP_CWORD == 2)); then
		_arc_relay_add "$cur" < <(sed -nE \
		    's/^(usage:|      ) arc-relay [a-z]+ \[?([a-z|]+)\]?( .*)?$/\2/p' \
		    <<< "$usage" | tr '|' '\n')
	fi
	[[ $usage == *TARGET* || $usage == *PREFIX* ]] &&
	    _arc_relay_machines "$cur" "$program"
}

complete -F _arc_relay arc-relay arc-relay-proxy
