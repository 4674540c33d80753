# Completion of arc-relay and arc-relay-proxy for fish.  Verbs and options are read
# from --help, machines from what is kept (arc-relay names): no network.
# Installed as vendor_completions.d/arc-relay.fish and arc-relay-proxy.fish.

# PROGRAM [VERB]: "--name ARG<tab>what it does", or "--name<tab>...", for each option
function __arc_relay_options
    $argv --help 2>/dev/null </dev/null |
        string replace -rf '^  (?:-.,|   ) (--[a-z-]+)( \S+)? *(.*)' '$1$2\t$3'
end

# PREFIX PROGRAM WORD..: machines, as whoever the options make us
function __arc_relay_machines
    set -l tool arc-relay
    string match -q '*/*' -- $argv[2]; and set tool (string replace -r '[^/]*$' arc-relay -- $argv[2])
    set -l who
    for i in (seq 3 (count $argv))
        set -l option (string split -m 1 = -- $argv[$i])
        if contains -- $option[1] --cloud --cloud-file --credential
            set -q option[2]; or set option $option $argv[(math $i + 1)]
            set -q option[2]; and set who $who $option[1] (string replace -r '^~/' $HOME/ -- $option[2])
        end
    end
    $tool names $who -- $argv[1] 2>/dev/null </dev/null
end

# CURRENT PREVIOUS WORD..: what can stand at the cursor
function __arc_relay_after
    set -l cur $argv[1]
    set -l prev $argv[2]
    set -l words $argv[3..]
    set -l program (string replace -r '^~/' $HOME/ -- $words[1])
    set -l command $program
    type -q -- $program; or return

    if test (string replace -r '.*/' '' -- $program) = arc-relay
        if test (count $words) -eq 1
            $program --help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
            printf '%s\n' --help --version
            return
        end
        set command $command $words[2]
    end

    set -l options (__arc_relay_options $command)
    set -l kind
    for line in $options
        set -l left (string split \t -- $line)[1]
        string match -q -- "$prev *" $left; and set kind (string split ' ' -- $left)[2]
    end
    switch "$prev:$kind"
        case '--cloud:*'
            printf '%s\n' AzureCloud AzureUSGovernment AzureChinaCloud
            return
        case '--credential:*'
            $command --help </dev/null | sed -n '/^Token sources/,$s/^  \([a-z-]*\) .*/\1/p'
            return
        case '*:FILE' '-r:*' '--cloud-file:*' '--ca-file:*'
            __fish_complete_path $cur
            return
        case '*:HOST' '*:TARGET'
            __arc_relay_machines $cur $program $words
            return
        case '*:?*'
            return
    end
    if string match -q -- '-*' $cur
        string replace -r '^(\S+) [^\t]*' '$1' -- $options
        return
    end
    set -l usage ($command --help 2>/dev/null </dev/null | sed '/^$/,$d')
    if test (count $words) -eq 2
        string replace -rf '^(?:usage:|      ) arc-relay [a-z]+ \[?([a-z|]+)\]?(?: .*)?$' '$1' -- $usage |
            string split '|'
    end
    if string match -qr 'TARGET|PREFIX' -- "$usage"
        __arc_relay_machines $cur $program $words
    end
end

function __arc_relay
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    if string match -qr '^--[a-z-]+=' -- $cur
        set -l option (string split -m 1 = -- $cur)
        __arc_relay_after $option[2] $option[1] $words | string replace -r '^' -- "$option[1]="
    else
        __arc_relay_after "$cur" $words[-1] $words
    end
end

complete -c arc-relay -f -a '(__arc_relay)'
complete -c arc-relay-proxy -f -a '(__arc_relay)'
