//! Databases, pools, queues and jobs.

use super::minutes;
use crate::alert::rule::{Across, Condition, GuideLine, Pack, Quantity, Rule, Selector, Value, metric};

pub(super) fn rules() -> Vec<Rule> {
    vec![connection_failures(), pool_nearly_exhausted(), deadlocks(), queue_stands_still(), job_overdue()]
}

/// Outcomes that are the server's or the way's to it, not those of a caller that gave up.
const NO_CONNECTION: [&str; 6] = ["timeout", "refused", "auth", "too_many_connections", "tls", "failed"];

fn connection_failures() -> Rule {
    let acquired = || metric("db_pool_acquire_seconds");
    let failed = || acquired().one_of("outcome", NO_CONNECTION);
    let share = Value::increase(failed(), minutes(5)).over(Value::increase(acquired(), minutes(5)));
    let several = Value::events(failed(), minutes(5)).at_least(Quantity::count(5.0));
    Rule::new("DatabaseConnectionFailures", Pack::Service, share.above(Quantity::ratio(0.05)).and(several))
        .by(["service", "environment", "pool"])
        .lasting(minutes(1))
        .summary("Requests for database connections fail.")
        .description("{value} of the requests for a connection of {pool} of {service} in {environment} fail.")
        .guide([GuideLine::DatabaseConnectionFailures])
        .takes_time("5 % of five minutes' requests and a minute more; a database that is down pages by DependencyDown")
}

fn pool_nearly_exhausted() -> Rule {
    let pool = |of: Selector| Value::latest(of, Across::Sum);
    let used = pool(metric("db_pool_connections").is("state", "in_use")).over(pool(metric("db_pool_max_connections")));
    Rule::new("DatabasePoolNearlyExhausted", Pack::Service, used.above(Quantity::ratio(0.9)))
        .by(["service", "environment", "pool"])
        .lasting(minutes(5))
        .clear_at(0.8)
        .summary("Nearly all connections of a pool are in use.")
        .description("{value} of the connections of {pool} of {service} in {environment} are in use.")
}

/// The server counts them, and every replica that looks shows the same count.
fn deadlocks() -> Rule {
    let events = Value::Events { of: metric("db_deadlocks_total"), across: Across::Max, within: minutes(10) };
    Rule::new("DatabaseDeadlocks", Pack::Fleet, events.above(Quantity::count(0.0)))
        .by(["environment", "database"])
        .summary("A database had to break deadlocks.")
        .description("{database} in {environment} broke {value} deadlocks within ten minutes.")
}

fn queue_stands_still() -> Rule {
    let oldest = Value::latest(metric("queue_oldest_age_seconds"), Across::Max);
    Rule::new("QueueStandsStill", Pack::Service, oldest.above(Quantity::seconds(300.0)))
        .by(["service", "environment", "queue"])
        .lasting(minutes(5))
        .clear_at(120.0)
        .summary("Items wait in a queue for minutes.")
        .description("The oldest item in {queue} of {service} in {environment} has waited for {value}.")
}

fn job_overdue() -> Rule {
    let condition = Condition::Overdue {
        timestamp: metric("job_last_success_timestamp_seconds"),
        interval: metric("job_expected_interval_seconds"),
        // Two runs, so that one that failed and will be repeated tells nobody.
        intervals: 2.0,
    };
    Rule::new("JobOverdue", Pack::Service, condition)
        .by(["service", "environment", "job_name"])
        .lasting(minutes(5))
        .summary("A job has not succeeded for two of its intervals.")
        .description("{job_name} of {service} in {environment} last succeeded {value} ago, or never.")
}
