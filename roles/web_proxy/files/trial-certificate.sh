# sh -c THIS sh FOLDER NAME make|check
# A certificate signed by its own key.  Made anew for another name or before it ends; never in the
# place of one that somebody gave.
set -eu
umask 077
folder=$1 name=$2
mark="Percobaan lpse-ops"
case $name in
    *[!0-9.]*) kind=DNS asks=-checkhost ;;
    *) kind=IP asks=-checkip ;;
esac
if [ -s "$folder/site.pem" ]; then
    said=$(openssl x509 -in "$folder/site.pem" -noout -subject)
    case $said in
        *"$mark"*) ;;
        *) exit 0 ;;
    esac
    if openssl x509 -in "$folder/site.pem" -noout -checkend 2592000 >/dev/null &&
        openssl x509 -in "$folder/site.pem" -noout "$asks" "$name" | grep -q 'does match' &&
        [ -s "$folder/certificate.pem" ]; then
        exit 0
    fi
fi
echo made
[ "$3" = make ] || exit 0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 397 \
    -subj "/O=$mark/CN=$name" -addext "subjectAltName=$kind:$name" \
    -addext "extendedKeyUsage=serverAuth" \
    -keyout "$folder/key.new" -out "$folder/certificate.new" 2>/dev/null
cat "$folder/key.new" "$folder/certificate.new" >"$folder/site.new"
rm "$folder/key.new"
chmod 644 "$folder/certificate.new"
sync "$folder/site.new" "$folder/certificate.new"
mv "$folder/site.new" "$folder/site.pem"
mv "$folder/certificate.new" "$folder/certificate.pem"
