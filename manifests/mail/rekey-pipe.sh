#!/bin/sh
# Hands one mail from standard input to rekey, and tells the mail server by its exit status what to do with it.
#
#   rekey-pipe.sh /etc/rekey/mail.curl
#
# That file belongs to the user of the pipe, has mode 0600 and two lines; curl reads it, so the password is never on a
# command line:
#
#   url = "https://rekey.example.com/hooks/mail"
#   user = "actionmailbox:the password"
#
# Postfix, master.cf:
#
#   rekey unix - n n - 10 pipe flags=DRXhq user=rekey argv=/usr/local/bin/rekey-pipe.sh /etc/rekey/mail.curl
#
# Postfix, main.cf (after that: postmap hash:/etc/postfix/transport):
#
#   transport_maps = hash:/etc/postfix/transport        with the line:  token-rotation@example.com  rekey:
#   rekey_destination_recipient_limit = 1
#
# Exit statuses are those of sysexits.h, the words before them those of RFC 3463, which Postfix puts first:
#   0 taken, or of no use; 75 try again later; 65 never try again.
set -u

if [ ! -r "${1:-}" ]; then
    echo "4.3.5 rekey: the file with address and password cannot be read"
    exit 75
fi

# -q comes first: a .curlrc in somebody's home has no say. Redirects are not followed.
status=$(curl -q --config "$1" --silent --max-time 30 --output /dev/null --write-out '%{http_code}' \
    --header 'Content-Type: message/rfc822' --data-binary @-)

case "$status" in
    200 | 202 | 204) exit 0 ;;
    400 | 413 | 415 | 422)
        echo "5.6.0 rekey: this is no mail that can be read (HTTP $status)"
        exit 65
        ;;
    401 | 403)
        # An error of whoever set this up, not of the sender: nothing must bounce.
        echo "4.7.0 rekey: the password is wrong (HTTP $status)"
        exit 75
        ;;
    *)
        echo "4.4.1 rekey: no answer that would do (HTTP $status)"
        exit 75
        ;;
esac
