#!/bin/sh
# Prepares the environment and calls `onekey flash`, from any folder; nothing else.
python=$(cd "$(dirname "$0")" && python3 -c 'from tools.environment import ensure; print(ensure())') && exec "$(dirname "$python")/onekey" flash "$@"
