"""Which access tokens ARM takes.

    emu.arm.challenge(claims_json)  continuous access evaluation: every token is refused (401, insufficient_claims,
                                    the claims in base64) that was not requested with these in the form field
                                    `claims`, maybe among others; None: no more
    emu.arm.tenant                  the tenant of the subscriptions: others' tokens are refused (401,
                                    InvalidAuthenticationTokenTenant, authorization_uri names it)
"""

import base64
import json

from armerror import ArmError


def check(token, world, tenant, challenge):
    """The claims of a good token; ArmError otherwise. challenge is the decoded JSON, or None."""
    claims = world.entra.claims_of(token)
    if claims is None:
        raise _refused(world, world.entra.tenant, "InvalidAuthenticationToken",
                       "The access token is missing or invalid.")
    if claims["exp"] <= world.clock.now():
        raise _refused(world, tenant, "ExpiredAuthenticationToken", "The access token has expired.")
    if claims["aud"].rstrip("/") == world.entra.ssh_resource:
        raise _refused(world, tenant, "InvalidAuthenticationToken",
                       f"The access token has been obtained for wrong audience or resource '{claims['aud']}'.")
    if claims["tid"].lower() != tenant.lower():
        raise _refused(world, tenant, "InvalidAuthenticationTokenTenant",
                       f"The access token is from the wrong issuer '{claims['iss']}'. It must match the tenant "
                       f"'{tenant}' associated with this subscription.")
    if challenge is not None and not _includes(world.entra.asked_of(token), challenge):
        encoded = base64.b64encode(json.dumps(challenge).encode()).decode()
        raise ArmError(401, "InvalidAuthenticationToken", "The access token was revoked: a new sign-in is needed.", [(
            "WWW-Authenticate", f'Bearer realm="", authorization_uri="{world.authority}/common/oauth2/authorize", '
                                f'error="insufficient_claims", claims="{encoded}"')])
    return claims


def _refused(world, tenant, code, message):
    return ArmError(401, code, message, [(
        "WWW-Authenticate", f'Bearer authorization_uri="{world.authority}/{tenant}", '
                            f'error="invalid_token", error_description="{message}"')])


def _includes(whole, part):
    """Has `whole` all that `part` has, at every depth?"""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and _includes(whole[name], value)
                                               for name, value in part.items())
    return whole == part
