//! Queues that are kept in real stores.

use std::time::Duration;

use aistm7_monitoring::diagnostics::Diagnostics;
use aistm7_monitoring::metrics::{AskOptions, Scope, Snapshot};
use aistm7_monitoring::queue::{QueueSample, Queues};
use redis_1::AsyncCommands;
use redis_1::aio::ConnectionManager;

use crate::scraped::Scraped;
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;

const WAITING: &str =
    "SELECT count(*), extract(epoch FROM now() - min(created_at))::float8 FROM settlements WHERE done_at IS NULL";

fn shown(snapshot: &Snapshot, queue: &str) -> [Option<f64>; 2] {
    ["queue_stored_depth", "queue_stored_oldest_age_seconds"].map(|metric| snapshot.value(metric, &[("queue", queue)]))
}

fn each() -> AskOptions {
    AskOptions::new().scope(Scope::Instance).timeout(Duration::from_secs(1))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn table_of_jobs_shows_what_waits_in_it_until_its_server_is_gone() {
    let mut postgres = Postgres::start();
    postgres.psql("CREATE TABLE settlements (created_at timestamptz DEFAULT now(), done_at timestamptz)");
    let pool = sqlx_0_9::PgPool::connect_lazy(&postgres.url()).unwrap();
    let scraped = Scraped::with(Diagnostics::new());
    let queues = Queues::new(&scraped.meter(), scraped.clock()).unwrap();
    let sample = move || {
        let pool = pool.clone();
        async move {
            let (depth, age): (i64, Option<f64>) = sqlx_0_9::query_as(WAITING).fetch_one(&pool).await?;
            let oldest_age = age.and_then(|age| Duration::try_from_secs_f64(age).ok());
            Ok::<_, sqlx_0_9::Error>(QueueSample { depth: depth.unsigned_abs(), oldest_age })
        }
    };
    queues.stored("settlements").sample(each(), sample).unwrap();

    let collector = "queue-settlements";
    assert_eq!(shown(&scraped.after_a_run_of(collector, "ok").await, "settlements"), [Some(0.0), Some(0.0)]);
    postgres.psql(
        "INSERT INTO settlements (created_at) SELECT now() - i * interval '1 minute' FROM generate_series(1, 5) i",
    );
    let [depth, age] = shown(&scraped.after_a_run_of(collector, "ok").await, "settlements");
    assert_eq!(depth, Some(5.0));
    // Five minutes, and what the test has taken.
    assert!(matches!(age, Some(300.0..400.0)), "{age:?}");
    postgres.psql("UPDATE settlements SET done_at = now() WHERE created_at < now() - interval '90 seconds'");
    let [depth, age] = shown(&scraped.after_a_run_of(collector, "ok").await, "settlements");
    assert!(depth == Some(1.0) && matches!(age, Some(60.0..160.0)), "{depth:?} {age:?}");

    postgres.kill();
    let [depth, _] = shown(&scraped.after_a_run_of(collector, "failed").await, "settlements");
    assert_eq!(depth, Some(1.0), "it is fresh still");
    assert_eq!(shown(&scraped.after_a_run_of(collector, "failed").await, "settlements"), [None, None]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis; run by tests/run"]
async fn list_and_stream_show_what_waits_in_them() {
    let redis = Redis::start();
    let client = redis_1::Client::open(redis.url()).unwrap();
    let mut connection = ConnectionManager::new(client).await.unwrap();
    let scraped = Scraped::with(Diagnostics::new());
    let queues = Queues::new(&scraped.meter(), scraped.clock()).unwrap();
    let list = connection.clone();
    let sample = move || {
        let mut list = list.clone();
        async move { list.llen("mails").await.map(|depth: u64| QueueSample { depth, oldest_age: None }) }
    };
    queues.stored("mails").sample(each(), sample).unwrap();
    let stream = connection.clone();
    let sample = move || {
        let mut stream = stream.clone();
        async move {
            let depth: u64 = redis_1::cmd("XLEN").arg("fills").query_async(&mut stream).await?;
            // The id of an entry begins with the milliseconds at which it was added, by the server's clock.
            let first: Vec<(String, Vec<String>)> =
                redis_1::cmd("XRANGE").arg(&["fills", "-", "+", "COUNT", "1"]).query_async(&mut stream).await?;
            let (seconds, micros): (u64, u64) = redis_1::cmd("TIME").query_async(&mut stream).await?;
            let now = Duration::from_secs(seconds) + Duration::from_micros(micros);
            let added = first.first().and_then(|(id, _)| id.split('-').next()?.parse().ok()).map(Duration::from_millis);
            Ok::<_, redis_1::RedisError>(QueueSample {
                depth,
                oldest_age: added.map(|added| now.saturating_sub(added)),
            })
        }
    };
    queues.stored("fills").sample(each(), sample).unwrap();

    for number in 0..7 {
        let _: u64 = connection.rpush("mails", number).await.unwrap();
    }
    let long_ago = "1000-0"; // a second after 1970
    let entry = ["fills", long_ago, "order", "7"];
    let _: String = redis_1::cmd("XADD").arg(&entry).query_async(&mut connection).await.unwrap();
    scraped.after_a_run_of("queue-mails", "ok").await;
    let snapshot = scraped.after_a_run_of("queue-fills", "ok").await;
    assert_eq!(shown(&snapshot, "mails"), [Some(7.0), None], "a list knows no age");
    let [depth, age] = shown(&snapshot, "fills");
    assert!(depth == Some(1.0) && age > Some(1.7e9), "{depth:?} {age:?}");
}
