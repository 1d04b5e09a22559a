//! A request id that is a UUID, read as a trace id.

use uuid::{Uuid, Variant};

use super::{Claim, ClaimedTrace};
use crate::trace::id::TraceId;
use crate::trace::request_id::RequestId;

pub(super) fn read(id: &RequestId) -> Option<Claim> {
    let uuid = Uuid::try_parse_ascii(id.as_bytes()).ok()?;
    // In versions 4 and 7 the last 62 bits are random; the others keep an address or a hash there.
    let is_random = uuid.get_variant() == Variant::RFC4122 && matches!(uuid.get_version_num(), 4 | 7);
    let id = TraceId::from_bytes(uuid.into_bytes()).filter(|_| is_random)?;
    Some(Claim { trace: Some(ClaimedTrace { id, parent: None, random: true }), sampled: None })
}
