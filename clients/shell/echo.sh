#!/bin/sh
# Answers every text message with the same text. Needs jq.
#
#   asgigram TOKEN -- ./echo.sh
#
# The first line is the scope (which chat this process is for), the last one `telegram.disconnect`; neither is a
# message, so both pass by in silence, and the end of the input ends the loop.

# `IFS=` and `-r` keep the line as it is: without them spaces and backslashes, of which JSON is full, would be lost.
while IFS= read -r line; do
    # `printf`, not `echo`: many shells' echo turns the `\n` inside a JSON string into a real line end.
    # jq reads the pipe and so cannot eat the next events. Any other child must be started with `</dev/null`.
    # jq here ends after each line, and so flushes what it wrote; one that lives on would need `--unbuffered`.
    printf '%s\n' "$line" | jq -c '
        select(.type == "telegram.message" and .text != null)
        | {type: "telegram.send_message", text}'
done
