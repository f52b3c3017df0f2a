"""The role by which jobs of pull requests make previews, with `previews: true`. Pure.

It may do what a preview's life calls, for names of previews alone: services, target groups, roles and log groups with
two hyphens in their names, files and variables in the folder of a preview. It changes no service of the shared
environment and none of its configuration, and deletes neither. Whoever may open a pull request from the repository
itself can have it, as with the role that plans; a fork's job gets no role.

It reads the shared environment's configuration, because only its content tells whether a file holds a secret, and the
master's password of databases, as a deploy does. Two rights cannot be told apart by names: rules of the listener have
none, and tasks have ids. So it could stop a task, which ECS starts again, and delete a shared rule, which the next
`culm up` makes again.

Roles that it makes are under a boundary: a role's tags say which preview and which service it is of, and the boundary
lets it read that folder. It cannot tag a role with the shared environment's name.
"""

from culm.project.previews import GROUP_SEPARATOR, SEPARATOR
from culm.project.project import Project
from culm.render import ci_roles
from culm.render.permissions import DEPENDENT, LOCK, PUSH, masters, rolls, routes, through_s3
from culm.render.stack_role import allow
from culm.render.surroundings import Input, Surroundings

PREVIEW_TAG, SERVICE_TAG = "culm:preview", "culm:service"


def name(project: Project) -> str:
    """Return the name of the role of pull requests' jobs."""
    return f"{project.name}.preview"


def boundary_name(project: Project) -> str:
    """Return the name of the policy that bounds every role of a preview."""
    return f"{project.name}.previews"


def bounds(project: Project, service: str, surroundings: Surroundings) -> Input:
    """Return the members of iam.CreateRole that bound a preview's role on aws; elsewhere none.

    `service`: its name in culm.yml, empty for the role by which ECS starts the tasks.
    """
    if project.preview is None or surroundings.provider != "aws":
        return {}
    tags = [{"Key": PREVIEW_TAG, "Value": project.preview.name}]
    tags += [{"Key": SERVICE_TAG, "Value": service}] if service else []
    arn = f"arn:aws:iam::{surroundings.account}:policy/{boundary_name(project)}"
    return {"PermissionsBoundary": arn, "Tags": tags}


def policy(project: Project, surroundings: Surroundings) -> Input:
    """Return what jobs of pull requests may do."""
    here = f"{surroundings.region}:{surroundings.account}"
    iam, own = f"arn:aws:iam::{surroundings.account}", f"{project.name}-*{SEPARATOR}*"
    roles = [f"{iam}:role/{own}", f"{iam}:role/{project.name}.*.execution"]
    looks = ["ecs:ListTaskDefinitions", "ecs:ListTaskDefinitionFamilies", "ecr:GetAuthorizationToken"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow("Look", [*ci_roles.LOOKS, *DEPENDENT, *looks], "*"),
            *of_roles(project, surroundings, roles),
            *rolls(project.name, f"arn:aws:ecs:{here}", f"*{SEPARATOR}*"),
            *routes(project.name, f"arn:aws:elasticloadbalancing:{here}", [f"{project.name}-*{GROUP_SEPARATOR}*"]),
            allow("Images", list(PUSH), f"arn:aws:ecr:{here}:repository/{project.name}/*"),
            allow(
                "Logs",
                [f"logs:{verb}" for verb in ("CreateLogGroup", "DeleteLogGroup", "FilterLogEvents", "GetLogEvents")],
                f"arn:aws:logs:{here}:log-group:/culm/{project.name}/*{SEPARATOR}*",
            ),
            *of_files(surroundings),
            *of_variables(project, surroundings, here),
            *masters(project, surroundings),
            through_s3(surroundings, "*"),
        ],
    }


def of_roles(project: Project, surroundings: Surroundings, roles: list[str]) -> list[Input]:
    """Return what allows making roles under the boundary, deleting them, and handing them to tasks."""
    boundary = f"arn:aws:iam::{surroundings.account}:policy/{boundary_name(project)}"
    bounded = {"ArnEquals": {"iam:PermissionsBoundary": boundary}}
    apart = {"StringNotEquals": {f"aws:RequestTag/{PREVIEW_TAG}": surroundings.env}}
    return [
        allow("LookAtRoles", ["iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies"], roles),
        allow("NewRoles", ["iam:CreateRole"], roles, {**bounded, **apart}),
        allow("TagNewRoles", "iam:TagRole", roles, apart),
        allow("BoundedRoles", ["iam:PutRolePolicy", "iam:DeleteRolePolicy"], roles, bounded),
        allow("Roles", ["iam:ListAttachedRolePolicies", "iam:DeleteRole"], roles),
        allow(
            "HandRolesToTasks",
            "iam:PassRole",
            roles,
            {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    ]


def of_files(surroundings: Surroundings) -> list[Input]:
    """Return what allows the vault's lock and the folders of previews; the shared environment is only read."""
    vault = f"arn:aws:s3:::{surroundings.vault}"
    write = ["s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObjectVersion"]
    return [
        allow("Vault", ["s3:ListBucket", "s3:GetBucketVersioning", "s3:ListBucketVersions"], vault),
        allow("Lock", ["s3:GetObject", "s3:PutObject", "s3:DeleteObjectVersion"], f"{vault}/{LOCK}"),
        allow("Configuration", ["s3:GetObject", *write], f"{vault}/*/*"),
        {**allow("SharedConfiguration", write, f"{vault}/{surroundings.env}/*"), "Effect": "Deny"},
    ]


def of_variables(project: Project, surroundings: Surroundings, here: str) -> list[Input]:
    """Return what allows parameters with variables: a preview's, and no other's."""
    begin = f"arn:aws:ssm:{here}:parameter/culm/{project.name}"
    verbs = ["ssm:PutParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:DeleteParameters"]
    return [
        allow("Variables", verbs, f"{begin}/*"),
        {**allow("SharedVariables", verbs, f"{begin}/{surroundings.env}/*"), "Effect": "Deny"},
    ]


def boundary(project: Project, surroundings: Surroundings) -> Input:
    """Return the most that roles of a preview can be allowed: by their tags, what is that preview's."""
    here = f"{surroundings.region}:{surroundings.account}"
    vault, tag = f"arn:aws:s3:::{surroundings.vault}", f"${{!aws:PrincipalTag/{PREVIEW_TAG}}}"
    folder = f"{tag}/${{!aws:PrincipalTag/{SERVICE_TAG}}}/*"
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow("OwnConfiguration", "s3:GetObject", f"{vault}/{folder}"),
            allow("NamesOfOwnConfiguration", "s3:ListBucket", vault, {"StringLike": {"s3:prefix": folder}}),
            {
                "Sid": "DecryptedByS3",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": f"arn:aws:kms:{here}:key/*",
                "Condition": {
                    "StringEquals": {"kms:ViaService": f"s3.{surroundings.region}.amazonaws.com"},
                    "StringLike": {"kms:EncryptionContext:aws:s3:arn": [vault, f"{vault}/{folder}"]},
                },
            },
            allow("Login", "ecr:GetAuthorizationToken", "*"),
            allow("Images", pull, f"arn:aws:ecr:{here}:repository/{project.name}/*"),
            allow(
                "Logs",
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                f"arn:aws:logs:{here}:log-group:/culm/{project.name}/{tag}{SEPARATOR}*",
            ),
            allow("Variables", "ssm:GetParameters", f"arn:aws:ssm:{here}:parameter/culm/{project.name}/{tag}/*"),
            allow("EcsExec", "ssmmessages:*Channel", "*"),
        ],
    }
