#!/bin/sh
# Puts the environment's configuration in place, then becomes the service: docker/entrypoint.sh COMMAND...
#
# Without MYENV the configuration that is there is used: what docker/conf held when the image was built.
# With MYENV every object under $VAULT/$MYENV/$SERVICE/ is copied over it, readable by its owner alone.
#
#   MYENV    stg, prd, ...        SERVICE  accounts; the Dockerfile sets it
#   VAULT    s3://bucket          AWS_REGION, AWS_ENDPOINT_URL_S3  as everywhere; else us-east-1 and Amazon's own
#
# The credentials are the task role's, from AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, which ECS sets.
# Every object is fetched before the first is put in place, and each *.url file that came with the image has to be
# among them: a service never starts with half a configuration, nor with another environment's.
# It needs python3, or curl 7.88, the first that signs all the headers that S3 wants signed.
# The file is the same in every service, and finds everything from where it stands itself.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
conf=$root/conf
cd -- "$root"

stop() { # WHAT REMEDY
    printf '%s: %s\n%s: try: %s\n' "${SERVICE:-entrypoint}" "$1" "${SERVICE:-entrypoint}" "$2" >&2
    exit 78 # EX_CONFIG of sysexits.h
}

if [ -z "${MYENV:-}" ]; then
    exec "$@"
fi

[ -n "${SERVICE:-}" ] || stop "SERVICE is not set" "set it in the Dockerfile: ENV SERVICE=name"
case ${VAULT:-} in
s3://?*) bucket=${VAULT#s3://} && bucket=${bucket%/} ;;
*) stop "MYENV is $MYENV, but VAULT is '${VAULT:-}'" "set VAULT=s3://bucket, the bucket that holds $MYENV/$SERVICE/" ;;
esac
case $bucket$MYENV$SERVICE in
*[!A-Za-z0-9._-]*) stop "'$VAULT/$MYENV/$SERVICE' is not a place in a bucket" "correct VAULT, MYENV or SERVICE" ;;
esac
prefix=$MYENV/$SERVICE/
place=s3://$bucket/$prefix

region=${AWS_REGION:-${AWS_DEFAULT_REGION:-us-east-1}}
endpoint=${AWS_ENDPOINT_URL_S3:-${AWS_ENDPOINT_URL:-}}
if [ -n "$endpoint" ]; then
    base=${endpoint%/}/$bucket
else
    base=https://$bucket.s3.$region.amazonaws.com
fi

if [ -n "${AWS_CONTAINER_CREDENTIALS_FULL_URI:-}" ]; then
    identity=$AWS_CONTAINER_CREDENTIALS_FULL_URI
elif [ -n "${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}" ]; then
    identity=http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
else
    stop "there are no credentials to read $place with" "give the task definition a taskRoleArn; ECS then sets AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
fi

mask=$(umask)
umask 077
rm -rf -- "$conf"/.new.* # left by a start that was killed
work=$(mktemp -d "$conf/.new.XXXXXX") || stop "cannot write in $conf" "give the folder to the user that the image runs as"
trap 'rm -rf -- "$work"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
mkdir "$work/conf"

explain() { # OBJECT STATUS WHY: stop, for this object could not be had
    case $1,$2,$3 in
    "$identity",*) stop "no credentials from $1: $3" "see that the task has a role and that this address can be reached from it" ;;
    *,000,*) stop "cannot reach $1 at $base: $3" "see that the vault is up and can be reached from here" ;;
    *,404,NoSuchBucket*) stop "the vault s3://$bucket does not exist" "create the bucket, or correct VAULT" ;;
    *,404,*) stop "$1 does not exist: $3" "put it there: aws s3 cp FILE $1" ;;
    *,403,*) stop "may not read $1: $3" "allow the task role s3:GetObject on $place* and s3:ListBucket on s3://$bucket" ;;
    *,200,*) stop "cannot use $1: $3" "rename or remove it, or put it there again" ;;
    *) stop "cannot read $1: status $2, $3" "see that the vault is well, then start again" ;;
    esac
}

# curl, three functions: every object ends up in $work/conf, or `explain` has the last word.

nothing=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 # the SHA-256 of an empty body

get() { # OBJECT URL FILE [SIGNED]
    attempt=1
    while :; do
        status=$({
            if [ -n "${4:-}" ]; then
                printf 'aws-sigv4 = "aws:amz:%s:s3"\nuser = "%s:%s"\n' "$region" "$key_id" "$secret"
                printf 'header = "x-amz-content-sha256: %s"\n' "$nothing"
                [ -z "$token" ] || printf 'header = "x-amz-security-token: %s"\n' "$token"
            else
                printf 'noproxy = "*"\n'
                [ -z "${AWS_CONTAINER_AUTHORIZATION_TOKEN:-}" ] ||
                    printf 'header = "Authorization: %s"\n' "$AWS_CONTAINER_AUTHORIZATION_TOKEN"
            fi
        } | curl -q --config - --silent --show-error --connect-timeout 5 --max-time 30 \
            --output "$3" --write-out '%{http_code}' --url "$2" 2>"$work/why") || status=000
        case $status in
        200) return ;;
        000 | 429 | 5??) if [ "$attempt" -lt 4 ]; then attempt=$((attempt + 1)) && sleep 1 && continue; fi ;;
        esac
        if [ "$status" != 000 ]; then
            tr '<' '\n' <"$3" | sed -n 's/^Code>//p; s/^Message>//p' | paste -s -d ' ' - >"$work/why"
        fi
        explain "$1" "$status" "$(cat "$work/why")"
    done
}

member() { # NAME: the value of a member of the credentials, which are one flat JSON object of plain strings
    tr -d '\n' <"$work/identity" | sed -n "s/.*\"$1\"[[:space:]]*:[[:space:]]*\"\([^\"]*\)\".*/\1/p" | sed 's|\\/|/|g'
}

fetch_with_curl() {
    get "$identity" "$identity" "$work/identity"
    key_id=$(member AccessKeyId) secret=$(member SecretAccessKey) token=$(member Token)
    [ -n "$key_id" ] && [ -n "$secret" ] || explain "$identity" 200 "the answer holds none"

    get "$place" "$base?list-type=2&prefix=$MYENV%2F$SERVICE%2F" "$work/list" signed
    tr '<' '\n' <"$work/list" >"$work/tags"
    ! grep -qx 'IsTruncated>true' "$work/tags" || explain "$place" 200 "more than 1000 objects are no configuration"
    sed -n 's/^Key>//p' "$work/tags" >"$work/keys"
    while IFS= read -r key; do
        name=${key#"$prefix"}
        case /$name/ in
        *//) continue ;; # the folder itself
        *[!A-Za-z0-9._/-]* | *//* | */./* | */../*) explain "s3://$bucket/$key" 200 "its name makes no plain file" ;;
        esac
        mkdir -p -- "$work/conf/$(dirname -- "$name")"
        get "s3://$bucket/$key" "$base/$key" "$work/conf/$name" signed </dev/null
    done <"$work/keys"
}

# python3: the same in one process; what failed comes back in three lines for `explain`.

fetch_with_python() {
    IDENTITY=$identity BASE=$base REGION=$region PREFIX=$prefix PLACE=$place BUCKET=$bucket \
        python3 - "$work/conf" >"$work/failed" <<'PYTHON' || {
import datetime, hashlib, hmac, http.client, json, os, re, sys, time, urllib.error, urllib.parse, urllib.request

env, folder = os.environ, sys.argv[1]


def failed(name, status, why):
    print(name, status, " ".join(str(why).split()), sep="\n")
    sys.exit(1)


def get(name, url, headers, proxies=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    for left in (3, 2, 1, 0):
        try:
            with opener.open(urllib.request.Request(url, headers=headers(url)), timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read().decode(errors="replace")
            why = " ".join(re.findall("<(?:Code|Message)>([^<]*)", body)) or error.reason
        except (OSError, ValueError, http.client.HTTPException) as error:
            status, why = "000", getattr(error, "reason", error)
        if left and (status in ("000", 429) or status >= 500):
            time.sleep(1)
            continue
        failed(name, status, why)


def signed(url):
    """AWS Signature Version 4 of a GET: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    parts = urllib.parse.urlsplit(url)
    headers = {"host": parts.netloc, "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(), "x-amz-date": now}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(headers)
    lines = [f"{name}:{value}\n" for name, value in headers.items()]
    canonical = "\n".join(["GET", parts.path, parts.query, "".join(lines), names, headers["x-amz-content-sha256"]])
    scope = [now[:8], env["REGION"], "s3", "aws4_request"]
    key = ("AWS4" + secret).encode()
    for word in scope:
        key = hmac.digest(key, word.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", now, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = "/".join([key_id, *scope])
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return headers


def plain(url):
    token = env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    return {"Authorization": token} if token else {}


identity, base, place = env["IDENTITY"], env["BASE"], env["PLACE"]
try:
    found = json.loads(get(identity, identity, plain, proxies={}))
    key_id, secret, token = found["AccessKeyId"], found["SecretAccessKey"], found.get("Token")
except (ValueError, KeyError, TypeError):
    failed(identity, 200, "the answer holds none")

listing = get(place, base + "?list-type=2&prefix=" + urllib.parse.quote(env["PREFIX"], safe=""), signed).decode()
if "<IsTruncated>true<" in listing:
    failed(place, 200, "more than 1000 objects are no configuration")
for key in re.findall("<Key>([^<]*)", listing):
    name = key[len(env["PREFIX"]):]
    if not name or name.endswith("/"):
        continue
    if not re.fullmatch("[A-Za-z0-9._/-]+", name) or {"", ".", ".."} & set(name.split("/")):
        failed(f"s3://{env['BUCKET']}/{key}", 200, "its name makes no plain file")
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(get(f"s3://{env['BUCKET']}/{key}", f"{base}/{key}", signed))
PYTHON
        { IFS= read -r name && IFS= read -r status && IFS= read -r why; } <"$work/failed" ||
            stop "python3 failed while it read $place" "see the traceback above"
        explain "$name" "$status" "$why"
    }
}

version=$(curl --version 2>/dev/null | sed -n '1s/^curl \([0-9]*\)\.\([0-9]*\).*/\1 \2/p') || version=
case $version in
7\ 8[89] | 7\ 9? | [89]\ * | [1-9][0-9]\ *) fetch_with_curl ;;
*)
    command -v python3 >/dev/null || stop "there is neither curl 7.88 nor python3 to read $place with" "install one of them in the image"
    fetch_with_python
    ;;
esac

for file in "$conf"/*.url; do
    name=${file##*/}
    [ ! -f "$file" ] || [ -f "$work/conf/$name" ] || explain "$place$name" 404 "the vault lacks a file that $SERVICE needs"
done
[ -n "$(find "$work/conf" -type f)" ] || explain "$place" 404 "it holds no object"
(cd "$work/conf" && find . -type f) | while IFS= read -r name; do
    mkdir -p -- "$conf/$(dirname -- "$name")"
    mv -f -- "$work/conf/$name" "$conf/$name"
done

rm -rf -- "$work"
trap - EXIT TERM INT
umask "$mask"
exec "$@"
