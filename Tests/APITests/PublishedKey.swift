import JWTKit

/// An RSA key of 2048 bits that was published as an example: good for tests, worthless elsewhere.
struct PublishedKey: Sendable {
    let keyID: JWKIdentifier
    let modulus: String
    let privateExponent: String

    private static let exponent = "AQAB"

    /// The public half as an entry of a JWKS, as Google serves its own.
    var jwk: String {
        """
        {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "\(keyID.string)", \
        "n": "\(modulus)", "e": "\(Self.exponent)"}
        """
    }

    func privateKey() throws -> Insecure.RSA.PrivateKey {
        try Insecure.RSA.PrivateKey(
            modulus: modulus, exponent: Self.exponent, privateExponent: privateExponent)
    }

    /// Source: RFC 7517 appendix A.2.
    static let first = PublishedKey(
        keyID: "first",
        modulus:
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu"
            + "hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN"
            + "5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
            + "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBni"
            + "Iqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        privateExponent:
            "X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRweUkC7"
            + "hT5fJLM0WbFAKNLWY2vv7B6NqXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nHNKroADIk"
            + "J46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiCl3Sk5ZiG7xojPLu"
            + "4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2WBii3RL-Us2lGVkY8"
            + "fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q")

    /// Source: the tests of jwt-kit, RSATests.swift.
    static let second = PublishedKey(
        keyID: "second",
        modulus:
            "vTHHoCaR0tlYfvapRv94hUTMrdSymIrWIIZ5Kmv5bIYWtK0TMX0icLkB0PzR2IDLj1L7hzBKUljB"
            + "Gzjf6ujfZwru5-odDZ344A6AhH5B5Zie1ALUTnizD-8XtWcdOtv4aF5NwgRJns0YY-HVr_KKfPZu"
            + "rfMf7JI2wSCt0TRRUixkfJgypnLNZNMowcMiGD9GYdCb2mC43V8DKNpUIIIUJK_auxqAxdEnY6Gw"
            + "I4zYnQdCv8ULai_LcB2CQhj5gm9PeKI6K1qkKs5_F1N2-2y9srrSk7pYPU0xxrj5Ap5GsTaJJJhV"
            + "9QV1bgDiJaakWhh2m9jSs6SsufHCPT5RiCVh5Q",
        privateExponent:
            "B0fVIMqbLfwDNc-UMBFAuBAvuDjJLqmZF-NU4lcJYC3Aze8jH_Jq0t-rvDkecjBypO9Skp8_HPAh"
            + "bkTACTAw-KwpCW-u8okzvJuSQocBTi6TXiFFvkdSzLgst2RicZNpecq3P1Ie6yeFWsKkEINK5Qgu"
            + "ti72-Yme5cu2JKjYwEq37c94_hNdD4CPY7XebgcXeb8dnqr40--WVIbyxSYl5uV6ZRx7vQGXyZwF"
            + "ezhgoyYMhkoRs88iukTeOjs_MRfmTr-akfYm67Pzwm0bC7gHU0aNS_apl7KDNfIO2MOE11WDYKmu"
            + "l1VmH6N0mEaxdOa_Mw5S0JlB9szX3lAEd5-buQ")
}
