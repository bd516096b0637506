#!/usr/bin/env bash
# What the container does with its arguments:
#   none                          documents -> model, then serve
#   a command of imprint, or -x   passed on as it is
#   anything else                 a question: answer and exit (after -- also one that starts with a dash)
set -euo pipefail

if [ $# -eq 0 ]; then
    exec imprint up
fi

case $1 in
up | prepare | train | export | evaluate | serve | ask | chat | status | plan | runs | report | compare | rollback | prune | sweep | bases | validate)
    exec imprint "$@"
    ;;
--)
    shift
    ;;
-*)
    exec imprint "$@"
    ;;
esac

# Words that the shell has split are one question.
exec imprint up -- "$*"
