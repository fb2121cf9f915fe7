#!/bin/sh
# The newer name of the script; it has no migration.
case "$1" in
    start | stop | restart) exec "$(dirname "$0")/spse4" "$1" ;;
    *)
        echo "Usage: starter {start|stop|restart}"
        exit 2
        ;;
esac
