#!/bin/sh
# Runs each fuzzer that was built: first over its corpus, then for FUZZ_SECONDS
# on what it makes of it.  A fuzzer NAME_fuzz has its corpus in corpus/NAME and,
# where there is one, a dictionary in NAME.dict.  What it finds is kept in a
# temporary folder, whose name is printed.  Exit status 1 when one found anything.
#
# environment: BUILD  folder of the programs; FUZZ_SECONDS  (10)
set -u
here=$(dirname "$0")
seconds=${FUZZ_SECONDS:-10}
folder=$(mktemp -d "${TMPDIR:-/tmp}/arc-relay-fuzz.XXXXXX") || exit 1
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
passed=0 failed=0

# step NAME WHAT COMMAND ...: runs it; says so and shows its end if it failed
step() {
	name=$1 what=$2
	shift 2
	if "$@" >"$folder/$name.log" 2>&1; then
		return 0
	fi
	echo "FAIL $name: $what"
	tail -n 40 "$folder/$name.log" | sed 's/^/     /'
	return 1
}

for fuzzer in "$BUILD"/test/fuzz/*_fuzz; do
	[ -x "$fuzzer" ] || continue
	name=$(basename "$fuzzer" _fuzz)
	set -- "$here/corpus/$name"/*
	seeds=$#
	if [ ! -e "$1" ]; then
		echo "FAIL $name: no corpus"
		failed=$((failed + 1))
		continue
	fi
	grown=$folder/$name
	mkdir -p "$grown"
	dict=
	[ -e "$here/$name.dict" ] && dict=-dict=$here/$name.dict
	if step "$name" "on its corpus" "$fuzzer" \
	    "-artifact_prefix=$folder/$name-" "$@" &&
	    step "$name" "on what it made" "$fuzzer" ${dict:+"$dict"} \
	    "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=1024 \
	    -print_final_stats=1 "-artifact_prefix=$folder/$name-" "$grown" \
	    "$here/corpus/$name"; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
		    "$folder/$name.log")
		echo "ok   $name: $seeds seeds, ${runs:-?} runs in $seconds s"
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done

echo "$passed passed, $failed failed"
[ $((passed + failed)) -gt 0 ] || { echo "no fuzzer in $BUILD/test/fuzz"; exit 1; }
if [ "$failed" -gt 0 ]; then
	echo "findings: $folder"
	exit 1
fi
rm -rf "$folder"
