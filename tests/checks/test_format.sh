#!/bin/bash
# Every C file is formatted as .clang-format says, every shell script passes shellcheck.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
verdict() {
        if "${@:2}"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $1"; fi
}
mapfile -t sources < <(git ls-files '*.c' '*.h')
mapfile -t scripts < <(git ls-files | xargs -r grep -lE '^#!.*(/bash|/sh)$' --)
verdict "clang-format" clang-format --dry-run -Werror "${sources[@]}"
verdict "shellcheck" shellcheck "${scripts[@]}"
echo "$passed passed, $failed failed, 0 skipped"
[[ $failed -eq 0 ]]
