# sh -c THIS sh NAME AUTHORITY <PEM: a key, the certificate, and those of its authorities
# Says what is wrong, never a line of the key.
set -eu
umask 077
file=$(mktemp -p /run)
trap 'rm -f "$file"' EXIT
cat >"$file"

refuse() {
    echo "$1" >&2
    exit 1
}

openssl x509 -in "$file" -noout 2>/dev/null ||
    refuse "web_proxy_certificate has no certificate in PEM (-----BEGIN CERTIFICATE-----)"
openssl pkey -in "$file" -noout -passin pass: 2>/dev/null ||
    refuse "web_proxy_key has no key in PEM that opens without a passphrase; keep it in a vault instead"
of_key=$(openssl pkey -in "$file" -pubout)
of_certificate=$(openssl x509 -in "$file" -noout -pubkey)
[ "$of_key" = "$of_certificate" ] || refuse "web_proxy_key is not the key of web_proxy_certificate"
openssl x509 -in "$file" -noout -checkend 0 >/dev/null ||
    refuse "the certificate has ended: $(openssl x509 -in "$file" -noout -enddate)"
case $1 in
    *[!0-9.]*) asks=-checkhost ;;
    *) asks=-checkip ;;
esac
openssl x509 -in "$file" -noout "$asks" "$1" | grep -q 'does match' ||
    refuse "the certificate is not for $1: $(openssl x509 -in "$file" -noout -subject)"
if [ "$2" ]; then
    said=$(openssl verify -purpose sslserver -CAfile "$2" -untrusted "$file" "$file" 2>&1) && exit 0
else
    said=$(openssl verify -purpose sslserver -untrusted "$file" "$file" 2>&1) && exit 0
fi
refuse "nobody whom browsers trust vouches for the certificate; are those of its authorities below it in the \
file? (web_proxy_authority names another one) $(echo "$said" | sed -n 's/^error/openssl:/p' | head -1)"
