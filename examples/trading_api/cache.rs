//! What was read not long ago: in Redis if one is given, else in this process.
//!
//! The cache is never needed for an answer. When it fails, its users go on without it, and the log says so once when
//! it begins and once when it ends; the health check says so for as long as it lasts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, RedisError, RedisResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use crate::settings::Backend;

/// A cache that takes longer than this is no help.
const REDIS_TIMEOUT: Duration = Duration::from_millis(250);
/// After a failure the cache is left alone for so long: requests should not wait for it one after the other.
const REST: Duration = Duration::from_secs(1);
/// So that keys of other services in the same Redis are not ours.
const KEY_PREFIX: &str = "trading-api:";
/// Entries kept in this process. Keys are ids that exist, so this is far above what is needed.
const MAX_ENTRIES: usize = 10_000;

/// A cache; cheap to clone.
#[derive(Clone)]
pub(crate) struct Cache {
    backend: Arc<CacheBackend>,
    state: Arc<Mutex<State>>,
}

/// How the cache has been doing.
#[derive(Clone, Copy, Debug)]
enum State {
    Working,
    /// It failed, and is not asked again before this moment.
    Failing(Instant),
}

enum CacheBackend {
    Redis(ConnectionManager),
    InProcess(Mutex<HashMap<String, Entry>>),
}

struct Entry {
    value: String,
    expires: Instant,
}

/// A connection that is made when it is first used.
pub(crate) fn connect(client: &redis::Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(REDIS_TIMEOUT))
        .set_response_timeout(Some(REDIS_TIMEOUT));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

/// The cache did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum CacheError {
    #[error("Redis failed")]
    Redis(#[from] RedisError),
    #[error("Redis did not answer within {REDIS_TIMEOUT:?}")]
    Timeout,
}

impl Cache {
    /// A cache that connects when first asked.
    pub(crate) fn open(redis: &Backend<redis::Client>) -> RedisResult<Self> {
        let backend = match redis {
            Backend::Given(client) => CacheBackend::Redis(connect(client)?),
            Backend::Embedded => CacheBackend::InProcess(Mutex::default()),
        };
        Ok(Self { backend: Arc::new(backend), state: Arc::new(Mutex::new(State::Working)) })
    }

    /// The connection to Redis, if there is one.
    pub(crate) fn redis(&self) -> Option<ConnectionManager> {
        match &*self.backend {
            CacheBackend::Redis(connection) => Some(connection.clone()),
            CacheBackend::InProcess(_) => None,
        }
    }

    /// The number of entries in this process, live or expired; `None` if they are in Redis.
    pub(crate) fn entries_in_process(&self) -> Option<usize> {
        match &*self.backend {
            CacheBackend::Redis(_) => None,
            CacheBackend::InProcess(entries) => Some(lock(entries).len()),
        }
    }

    /// What is stored under `key`; `None` if nothing is, or it cannot be read, or the cache failed.
    pub(crate) async fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        if self.is_resting() {
            return None;
        }
        let value = self.noted(self.read(key).await)??;
        serde_json::from_str(&value)
            .inspect_err(|error| tracing::warn!(key, %error, "Cached value is not readable"))
            .ok()
    }

    /// Stores `value` under `key` for `lifetime`.
    pub(crate) async fn put<T: Serialize + Sync>(&self, key: &str, value: &T, lifetime: Duration) {
        if self.is_resting() {
            return;
        }
        match serde_json::to_string(value) {
            Ok(value) => {
                self.noted(self.write(key, value, lifetime).await);
            }
            Err(error) => tracing::warn!(key, %error, "Value cannot be cached"),
        }
    }

    async fn read(&self, key: &str) -> Result<Option<String>, CacheError> {
        match &*self.backend {
            CacheBackend::Redis(connection) => {
                let key = format!("{KEY_PREFIX}{key}");
                let mut connection = connection.clone();
                timeout(REDIS_TIMEOUT, connection.get(key))
                    .await
                    .map_err(|_| CacheError::Timeout)?
                    .map_err(CacheError::from)
            }
            CacheBackend::InProcess(entries) => Ok(lock(entries)
                .get(key)
                .filter(|entry| entry.expires > Instant::now())
                .map(|entry| entry.value.clone())),
        }
    }

    async fn write(&self, key: &str, value: String, lifetime: Duration) -> Result<(), CacheError> {
        match &*self.backend {
            CacheBackend::Redis(connection) => {
                let key = format!("{KEY_PREFIX}{key}");
                let mut connection = connection.clone();
                timeout(REDIS_TIMEOUT, connection.set_ex(key, value, lifetime.as_secs().max(1)))
                    .await
                    .map_err(|_| CacheError::Timeout)?
                    .map_err(CacheError::from)
            }
            CacheBackend::InProcess(entries) => {
                let now = Instant::now();
                let mut entries = lock(entries);
                if entries.len() >= MAX_ENTRIES {
                    entries.retain(|_, entry| entry.expires > now);
                }
                // Full of live entries: what is there stays, the newcomer is read again next time.
                if entries.len() < MAX_ENTRIES || entries.contains_key(key) {
                    entries.insert(key.to_owned(), Entry { value, expires: now + lifetime });
                }
                Ok(())
            }
        }
    }

    fn is_resting(&self) -> bool {
        matches!(*lock(&self.state), State::Failing(until) if until > Instant::now())
    }

    /// Remembers how an operation went, and logs when failure begins and when it ends.
    fn noted<T>(&self, result: Result<T, CacheError>) -> Option<T> {
        let next = match result {
            Ok(_) => State::Working,
            Err(_) => State::Failing(Instant::now() + REST),
        };
        let previous = std::mem::replace(&mut *lock(&self.state), next);
        match (previous, &result) {
            (State::Working, Err(error)) => {
                tracing::warn!(error = error as &dyn std::error::Error, "Cache failed, going on without it");
            }
            (State::Failing(_), Ok(_)) => tracing::info!("Cache is back"),
            _ => {}
        }
        result.ok()
    }
}

/// OK to ignore poison: what is behind the locks here is changed as a whole or not at all.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn values_live_as_long_as_asked() {
        let cache = Cache::open(&Backend::Embedded).unwrap();
        assert_eq!(cache.get::<u32>("a").await, None);
        cache.put("a", &7, MINUTE).await;
        assert_eq!(cache.get::<u32>("a").await, Some(7));
        tokio::time::advance(MINUTE).await;
        assert_eq!(cache.get::<u32>("a").await, None);
    }

    #[tokio::test]
    async fn a_value_of_another_shape_is_no_value() {
        let cache = Cache::open(&Backend::Embedded).unwrap();
        cache.put("a", &"text", MINUTE).await;
        assert_eq!(cache.get::<u32>("a").await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_drops_expired_entries_and_refuses_new_ones() {
        let cache = Cache::open(&Backend::Embedded).unwrap();
        for number in 0..MAX_ENTRIES {
            cache.put(&number.to_string(), &number, MINUTE).await;
        }
        cache.put("one more", &1, MINUTE).await;
        assert_eq!(cache.get::<u32>("one more").await, None);
        assert_eq!(cache.entries_in_process(), Some(MAX_ENTRIES));
        tokio::time::advance(MINUTE).await;
        cache.put("one more", &1, MINUTE).await;
        assert_eq!(cache.get::<u32>("one more").await, Some(1));
        assert_eq!(cache.entries_in_process(), Some(1));
    }

    #[tokio::test]
    async fn a_dead_redis_costs_its_answers_and_is_left_alone() {
        // A listener that is closed at once leaves a port on which nobody answers.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        drop(listener);
        let cache = Cache::open(&Backend::Given(redis::Client::open(url).unwrap())).unwrap();
        assert!(cache.redis().is_some());
        cache.put("a", &7, MINUTE).await;
        assert!(cache.is_resting());
        assert_eq!(cache.get::<u32>("a").await, None);
    }
}
