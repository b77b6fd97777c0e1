//! Files on Snowflake's own stages are sealed before they leave this machine: each with a key of its own, which the
//! stage's master key locks.

use aws_lc_rs::{
    cipher::{AES_128, AES_256, Algorithm, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey},
    rand,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::json;

/// The stage's master key, and its names.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Material {
    query_stage_master_key: String,
    query_id: String,
    smk_id: serde_json::Number,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Material(***)")
    }
}

/// What opens a sealed file again for who has the master key. All in base64 or JSON.
#[derive(Debug)]
pub struct Seal {
    pub key: String,
    pub iv: String,
    pub description: String,
}

impl Material {
    /// The sealed content.
    ///
    /// # Errors
    /// A master key that is no AES key.
    pub fn seal(&self, mut content: Vec<u8>) -> Result<(Vec<u8>, Seal), String> {
        let failed = |_| "the stage's key cannot be used".to_owned();
        let master = BASE64_STANDARD.decode(&self.query_stage_master_key).map_err(|_| failed(()))?;
        let algorithm = algorithm(master.len()).ok_or_else(|| failed(()))?;
        let mut key = vec![0; master.len()];
        rand::fill(&mut key).map_err(|_| failed(()))?;
        let cipher = UnboundCipherKey::new(algorithm, &key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7);
        let opened = cipher.and_then(|cipher| cipher.encrypt(&mut content)).map_err(|_| failed(()))?;
        let DecryptionContext::Iv128(iv) = opened else { return Err(failed(())) };
        let iv: &[u8] = iv.as_ref();
        let lock = UnboundCipherKey::new(algorithm, &master).and_then(PaddedBlockEncryptingKey::ecb_pkcs7);
        lock.and_then(|lock| lock.encrypt(&mut key)).map_err(|_| failed(()))?;
        let bits = (master.len() * 8).to_string();
        let description = json!({"queryId": self.query_id, "smkId": self.smk_id.to_string(), "keySize": bits});
        let seal = Seal {
            key: BASE64_STANDARD.encode(key),
            iv: BASE64_STANDARD.encode(iv),
            description: description.to_string(),
        };
        Ok((content, seal))
    }
}

fn algorithm(length: usize) -> Option<&'static Algorithm> {
    match length {
        16 => Some(&AES_128),
        32 => Some(&AES_256),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{cipher::PaddedBlockDecryptingKey, iv::FixedLength};

    use super::*;

    #[test]
    fn who_has_the_master_key_opens_what_was_sealed() {
        for length in [16, 32] {
            let master: Vec<u8> = (0..length).collect();
            let material = Material {
                query_stage_master_key: BASE64_STANDARD.encode(&master),
                query_id: "q-1".into(),
                smk_id: 7.into(),
            };
            let (mut sealed, seal) = material.seal(b"rows of a lake".to_vec()).unwrap();
            assert_eq!(sealed.len(), 16);
            let algorithm = algorithm(master.len()).unwrap();
            let mut key = BASE64_STANDARD.decode(&seal.key).unwrap();
            let lock = PaddedBlockDecryptingKey::ecb_pkcs7(UnboundCipherKey::new(algorithm, &master).unwrap()).unwrap();
            let key = lock.decrypt(&mut key, DecryptionContext::None).unwrap().to_vec();
            let iv: [u8; 16] = BASE64_STANDARD.decode(&seal.iv).unwrap().try_into().unwrap();
            let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, &key).unwrap()).unwrap();
            let opened = cipher.decrypt(&mut sealed, DecryptionContext::Iv128(FixedLength::from(iv))).unwrap();
            assert_eq!(opened, b"rows of a lake");
            assert!(seal.description.contains(r#""smkId":"7""#), "{}", seal.description);
        }
    }
}
