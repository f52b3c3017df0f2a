"""Passwords that nobody has thought of.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
"""

import string
from collections.abc import Callable, Iterator
from typing import Any

from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class GetRandomPasswordInput:
    password_length: int = 32
    exclude_characters: str = ""
    exclude_numbers: bool = False
    exclude_punctuation: bool = False
    exclude_uppercase: bool = False
    exclude_lowercase: bool = False
    include_space: bool = False
    require_each_included_type: bool = True


@operation("secretsmanager", "GetRandomPassword")
def get_random_password(call: Call, req: GetRandomPasswordInput) -> dict[str, Any]:
    """Return a random password with a character of each kind that is asked for.

    Raises InvalidParameterException when it is too short for that, or no character is left.
    """
    kinds = [
        (string.ascii_lowercase, not req.exclude_lowercase),
        (string.ascii_uppercase, not req.exclude_uppercase),
        (string.digits, not req.exclude_numbers),
        (string.punctuation, not req.exclude_punctuation),
        (" ", req.include_space),
    ]
    left = ["".join(c for c in kind if c not in req.exclude_characters) for kind, wanted in kinds if wanted]
    alphabets = [kind for kind in left if kind]
    if not alphabets:
        raise AwsError("InvalidParameterException", "There is no character left that the password could have.")
    required = alphabets if req.require_each_included_type else []
    if req.password_length < len(required):
        raise AwsError("InvalidParameterException", "Password length is too short based on the required types.")
    below = _chance(call.new_id)
    characters = [kind[below(len(kind))] for kind in required]
    everything = "".join(alphabets)
    characters += [everything[below(len(everything))] for _ in range(req.password_length - len(required))]
    for index in range(len(characters) - 1, 0, -1):  # Fisher and Yates: what was required is anywhere
        other = below(index + 1)
        characters[index], characters[other] = characters[other], characters[index]
    return {"random_password": "".join(characters)}


def _chance(new_id: Callable[[], str]) -> Callable[[int], int]:
    """Numbers below a bound of at most 65536, each as likely as the others, made of fresh ids."""

    def draws() -> Iterator[int]:
        while True:
            digits = new_id()
            yield from (int(digits[at : at + 4], 16) for at in range(0, 32, 4))

    drawn = draws()

    def below(bound: int) -> int:
        fair = 65536 - 65536 % bound
        return next(number for number in drawn if number < fair) % bound

    return below
