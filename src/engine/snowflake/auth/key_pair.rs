//! Key pair: reads a private key in any of its usual wrappings and signs the token that a login carries.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Utc};
use pkcs8::EncryptedPrivateKeyInfo;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Account, Secret};
use crate::engine::EngineError;

/// How long a token may be used, in seconds.
const LIFETIME: i64 = 60;

const CURVES: [(&EcdsaSigningAlgorithm, &str); 3] = [
    (&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256"),
    (&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384"),
    (&ECDSA_P521_SHA512_FIXED_SIGNING, "ES512"),
];

/// A private key that signs.
pub struct PrivateKey {
    signer: Signer,
    /// `SHA256:…` of the public key, as DESC USER shows it.
    fingerprint: String,
}

enum Signer {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>, &'static str),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", self.fingerprint)
    }
}

impl PrivateKey {
    /// Reads a key: PEM, or DER in base64, encrypted or not. `origin` is what messages call it.
    ///
    /// # Errors
    /// [`EngineError::Profile`], which says what to change and shows nothing of the key.
    pub fn read(text: &str, passphrase: Option<&Secret>, origin: &str) -> Result<Self, EngineError> {
        let wrapping = Wrapping::of(text, origin)?;
        let signer = match wrapping {
            Wrapping::Plain(der) => signer(&der),
            Wrapping::Encrypted(der) => {
                let passphrase = passphrase.filter(|text| !text.is_empty()).ok_or_else(|| {
                    wrong(format!("{origin} is encrypted: `private_key_passphrase` is needed to open it"))
                })?;
                signer(&decrypt(&der, passphrase, origin)?)
            }
        };
        let signer = signer.ok_or_else(|| {
            wrong(format!(
                "{origin} is not an RSA key of 2,048 to 8,192 bits, nor a key on the curve P-256, P-384 or P-521"
            ))
        })?;
        let public: PublicKeyX509Der = match &signer {
            Signer::Rsa(pair) => pair.public_key().as_der(),
            Signer::Ecdsa(pair, _) => pair.public_key().as_der(),
        }
        .map_err(|_| wrong(format!("{origin} has no usable public half")))?;
        let fingerprint = format!("SHA256:{}", STANDARD.encode(Sha256::digest(public.as_ref())));
        Ok(Self { signer, fingerprint })
    }

    /// `SHA256:…` of the public key, as DESC USER shows it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// A token for one login at `now`.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when the key does not sign.
    pub fn token(&self, account: &Account, user: &str, now: DateTime<Utc>) -> Result<Secret, EngineError> {
        let subject = format!("{}.{}", account.name().to_uppercase(), user.to_uppercase());
        let issued = now.timestamp();
        let claims = json!({
            "iss": format!("{subject}.{}", self.fingerprint),
            "sub": subject,
            "iat": issued,
            "exp": issued + LIFETIME,
        });
        let algorithm = match &self.signer {
            Signer::Rsa(_) => "RS256",
            Signer::Ecdsa(_, algorithm) => algorithm,
        };
        let header = json!({"alg": algorithm, "typ": "JWT"});
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self
            .sign(signed.as_bytes())
            .ok_or_else(|| EngineError::Internal { message: "the private key did not sign".into() })?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.signer {
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).ok()?;
                Some(signature)
            }
            Signer::Ecdsa(pair, _) => Some(pair.sign(&random, text).ok()?.as_ref().to_vec()),
        }
    }
}

/// DER, with what is around it taken off.
enum Wrapping {
    Plain(Vec<u8>),
    Encrypted(Vec<u8>),
}

impl Wrapping {
    fn of(text: &str, origin: &str) -> Result<Self, EngineError> {
        // A key in a variable of the environment often has its line ends written out, or folded into spaces by YAML.
        let text = text.replace("\\n", "\n");
        let text = text.trim();
        let Some((label, body)) = armored(text) else {
            let der = decode(text).ok_or_else(|| {
                wrong(format!("{origin} is neither PEM (`-----BEGIN PRIVATE KEY-----`) nor DER in base64"))
            })?;
            let encrypted = EncryptedPrivateKeyInfo::try_from(der.as_slice()).is_ok();
            return Ok(if encrypted { Self::Encrypted(der) } else { Self::Plain(der) });
        };
        if label.ends_with("PUBLIC KEY") || label == "CERTIFICATE" {
            return Err(wrong(format!("{origin} is a {}, the private key is needed", label.to_lowercase())));
        }
        if body.contains("Proc-Type") {
            return Err(wrong(format!(
                "{origin} is encrypted in an older form; `openssl pkcs8 -topk8 -in KEY -out KEY.p8` makes the usual one of it"
            )));
        }
        let der = decode(body).ok_or_else(|| wrong(format!("{origin} is damaged: its text is not base64")))?;
        match label {
            "ENCRYPTED PRIVATE KEY" => Ok(Self::Encrypted(der)),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Ok(Self::Plain(der)),
            other => Err(wrong(format!("{origin} is a `{other}`, which is no private key that Snowflake accepts"))),
        }
    }
}

/// The label and the text between the first BEGIN line and its END line.
fn armored(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    Some((label, body))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_whitespace().collect();
    STANDARD.decode(text).ok().filter(|der| !der.is_empty())
}

fn decrypt(der: &[u8], passphrase: &Secret, origin: &str) -> Result<Vec<u8>, EngineError> {
    let info = EncryptedPrivateKeyInfo::try_from(der)
        .map_err(|_| wrong(format!("{origin} is damaged, or encrypted in a form that is not supported (PBES2 is)")))?;
    let plain = info
        .decrypt(passphrase.reveal())
        .map_err(|_| wrong(format!("{origin} does not open with this `private_key_passphrase`")))?;
    // A wrong passphrase can decrypt to noise.
    let is_key = plain.as_bytes().first() == Some(&0x30);
    if is_key {
        Ok(plain.as_bytes().to_vec())
    } else {
        Err(wrong(format!("{origin} does not open with this `private_key_passphrase`")))
    }
}

/// PKCS#8, or the bare forms of RSA and EC.
fn signer(der: &[u8]) -> Option<Signer> {
    if let Ok(pair) = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)) {
        return Some(Signer::Rsa(Box::new(pair)));
    }
    CURVES.into_iter().find_map(|(algorithm, name)| {
        let pair =
            EcdsaKeyPair::from_pkcs8(algorithm, der).or_else(|_| EcdsaKeyPair::from_private_key_der(algorithm, der));
        Some(Signer::Ecdsa(Box::new(pair.ok()?), name))
    })
}

fn wrong(message: String) -> EngineError {
    EngineError::Profile { message }
}
