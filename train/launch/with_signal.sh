#!/usr/bin/env bash
# Runs a command, and hands SIGUSR1 on to the processes that the command has started: torchrun gives its processes 30 seconds to end after a
# signal that it handles itself, which a large checkpoint does not fit into; of this one it sees nothing.
#
#   train/launch/with_signal.sh COMMAND [ARGUMENT ...]
set -uo pipefail
env --ignore-signal=USR1 "$@" &
command=$!
hand_on() {
    local started
    read -r -a started <"/proc/$command/task/$command/children" || true
    if ((${#started[@]})); then
        kill -USR1 "${started[@]}"
    fi
}
trap hand_on USR1
# wait comes back when a signal comes in, and has to be called again
while true; do
    wait "$command"
    code=$?
    kill -0 "$command" 2>/dev/null || break
done
exit "$code"
