#!/bin/sh
# Builds both images and pushes them to their ECR repositories: ./dkr-push.sh [TAG]
#
# The AWS CLI's configuration says which account and region (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL).
# PROJECT is what the repositories' names begin with, BASE_IMAGE what the images are built on.
set -eu
cd -- "$(dirname -- "$0")"

tag=${1:-$(git rev-parse --short=12 HEAD)}
name=${PROJECT:-bamboo}/notices

repository() { # NAME: its address; the repository is made if it is not there
    aws ecr describe-repositories --repository-names "$1" --query 'repositories[0].repositoryUri' --output text 2>/dev/null ||
        aws ecr create-repository --repository-name "$1" --query repository.repositoryUri --output text
}

build() { # DOCKERFILE IMAGE
    if [ -n "${BASE_IMAGE:-}" ]; then
        docker build --build-arg BASE_IMAGE="$BASE_IMAGE" --file "$1" --tag "$2" .
    else
        docker build --file "$1" --tag "$2" .
    fi
}

service=$(repository "$name"):$tag
migration=$(repository "$name-migrate"):$tag
aws ecr get-login-password | docker login --username AWS --password-stdin "${service%%/*}"
build Dockerfile "$service"
build Dockerfile.migrate "$migration"
docker push "$service"
docker push "$migration"
printf '%s\n%s\n' "$service" "$migration"
