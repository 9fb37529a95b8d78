//! What is taken, what is refused, and what liars try.

use super::*;

const COMPONENT: &[u8] = b"\0asm component";

fn key(seed: u8) -> SecretKey {
    use base64::Engine;
    let seed = base64::engine::general_purpose::STANDARD.encode([seed; 32]);
    let head = "wardline secret key 1: who has it signs plugins in your name";
    format!("{head}\nseed: {seed}\n").parse().unwrap()
}

fn trust(keys: &[&SecretKey], require_signature: bool) -> Trust {
    let keys = keys.iter().map(|key| key.public()).collect();
    Trust { keys, require_signature, digest: None }
}

fn signed(secret: &SecretKey) -> String {
    Signature::new(secret, "plates 1.2.3", COMPONENT).to_string()
}

#[test]
fn who_vouches() {
    let (anna, bert) = (key(1), key(2));
    let by = |key: &SecretKey| Ok(Vouched::By(key.public().id()));
    let sig = signed(&anna);
    for (keys, required, signature, expected) in [
        (&[][..], false, None, Ok(Vouched::Nobody)),
        (&[], false, Some("whatever"), Ok(Vouched::Nobody)),
        (&[&anna], false, None, Ok(Vouched::Nobody)),
        (&[&anna], false, Some(&*sig), by(&anna)),
        (&[&bert, &anna], true, Some(&sig), by(&anna)),
        (&[&bert], false, Some(&sig), Ok(Vouched::Nobody)),
        (&[&bert], true, Some(&sig), Err("not among the `trusted-keys`")),
        (&[&anna], true, None, Err("is not signed: `wardline plugin sign` it")),
        (&[&anna], false, Some("whatever"), Err("it is not what `wardline plugin sign` makes")),
        (&[], true, Some(&sig), Err("not among the `trusted-keys`")),
    ] {
        let vouched = trust(keys, required).check("plates", COMPONENT, signature);
        match (vouched, expected) {
            (Ok(vouched), Ok(expected)) => assert_eq!(vouched, expected),
            (Err(error), Err(said)) => {
                let text = error.to_string();
                assert!(text.starts_with("plugin plates: ") && text.contains(said), "{text}");
            }
            (vouched, expected) => panic!("{vouched:?}, not {expected:?}"),
        }
    }
}

/// Every byte of component and signature counts.
#[test]
fn a_changed_byte_is_seen() {
    let anna = key(1);
    for required in [false, true] {
        let trust = trust(&[&anna], required);
        for at in 0..COMPONENT.len() {
            let mut changed = COMPONENT.to_vec();
            changed[at] ^= 1;
            let text = trust.check("plates", &changed, Some(&signed(&anna))).unwrap_err();
            assert!(text.to_string().contains("for another component"), "{text}");
        }
        let text = signed(&anna);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            let vouched = trust.check("plates", COMPONENT, Some(&changed));
            assert!(!matches!(vouched, Ok(Vouched::By(_))), "byte {at} of\n{changed}");
        }
    }
}

/// A signature with the name of a trusted key, made by another.
#[test]
fn a_false_name_is_seen() {
    let (anna, mallory) = (key(1), key(66));
    let forged = signed(&mallory)
        .replace(&mallory.public().id().to_string(), &anna.public().id().to_string());
    let error = trust(&[&anna], false).check("plates", COMPONENT, Some(&forged)).unwrap_err();
    assert!(error.to_string().contains("its signature is false"), "{error}");
}

#[test]
fn a_pin_is_exact() {
    let pinned = Trust { digest: Some(ComponentDigest::of(COMPONENT)), ..Trust::default() };
    assert_eq!(pinned.check("plates", COMPONENT, None).unwrap(), Vouched::Nobody);
    let error = pinned.check("plates", b"other", None).unwrap_err().to_string();
    assert!(error.contains("its `digest` in the configuration"), "{error}");
    let shown = ComponentDigest::of(COMPONENT).to_string();
    assert_eq!(shown.parse(), Ok(ComponentDigest::of(COMPONENT)));
    for wrong in ["", "sha256:", "sha512:00", &shown[..70], &shown.to_uppercase()] {
        assert!(wrong.parse::<ComponentDigest>().is_err(), "{wrong}");
    }
}

#[test]
fn keys_are_read_as_they_are_shown() {
    let fresh = SecretKey::fresh().unwrap();
    assert_ne!(fresh.public(), SecretKey::fresh().unwrap().public());
    let again: SecretKey = fresh.reveal().parse().unwrap();
    assert_eq!(again.public(), fresh.public());
    let public = fresh.public();
    assert_eq!(public.to_string().parse(), Ok(public.clone()));
    assert_eq!(public.id().to_string().parse(), Ok(public.id()));
    let secret = fresh.reveal();
    let seed = secret.lines().nth(1).unwrap().trim_start_matches("seed: ");
    assert!(!format!("{fresh:?}").contains(seed));
    // The point of small order that has every signature.
    let weak = "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for wrong in ["", "ed25519:", "ed25519:AAAA", weak, &secret] {
        let why = wrong.parse::<PublicKey>().unwrap_err();
        assert!(!why.contains(seed), "{why}");
    }
    for wrong in ["", &public.to_string(), &secret.replace("seed", "sead"), &secret[..80]] {
        let why = wrong.parse::<SecretKey>().unwrap_err();
        assert!(why.contains("`wardline plugin keygen`") && !why.contains(seed), "{why}");
    }
}
