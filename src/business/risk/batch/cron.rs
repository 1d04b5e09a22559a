//! Lines of cron: minute, hour, day of the month, month, day of the week.

use jiff::civil::{Date, Time};

use crate::error::InvalidValue;

/// When a line of cron fires, in local time. Bit `n` of a field is its value `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// From Sunday, which is 0.
    weekdays: u64,
    day_rule: DayRule,
}

/// How the two fields of days go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DayRule {
    /// At least one of them is `*`: a day is in both.
    Both,
    /// Both name days: a day is in either, as cron has always had it.
    Either,
}

impl Cron {
    /// `30 2 * * MON-FRI`, or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    pub(super) fn parse(line: &str) -> Result<Self, InvalidValue> {
        let invalid = |rule| InvalidValue::new("cron schedule", line, rule);
        let line = match line.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            fields => fields,
        };
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(invalid("five fields: minute, hour, day of the month, month, day of the week"));
        };
        let sunday_twice = WEEKDAY.parse(weekday).map_err(invalid)?;
        let is_any = |field: &str| field.starts_with('*');
        let cron = Self {
            minutes: MINUTE.parse(minute).map_err(invalid)?,
            hours: HOUR.parse(hour).map_err(invalid)?,
            days: DAY.parse(day).map_err(invalid)?,
            months: MONTH.parse(month).map_err(invalid)?,
            // 7 is Sunday too.
            weekdays: (sunday_twice | sunday_twice >> 7) & 0b111_1111,
            day_rule: if is_any(day) || is_any(weekday) { DayRule::Both } else { DayRule::Either },
        };
        if cron.never_fires() {
            return Err(invalid("a day that some year has"));
        }
        Ok(cron)
    }

    /// Whether it fires on a day at all.
    pub(super) fn fires_on(&self, date: Date) -> bool {
        let is_day = has(self.days, date.day());
        let is_weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let is_either = match self.day_rule {
            DayRule::Both => is_day && is_weekday,
            DayRule::Either => is_day || is_weekday,
        };
        has(self.months, date.month()) && is_either
    }

    /// The times at which it fires on each of its days, ascending.
    pub(super) fn times(&self) -> impl Iterator<Item = Time> + '_ {
        let hours = (0..24).filter(|hour| has(self.hours, *hour));
        hours.flat_map(move |hour| {
            let of_hour = (0..60).filter(move |minute| has(self.minutes, *minute));
            of_hour.map(move |minute| Time::constant(hour, minute, 0, 0))
        })
    }

    /// As `0 0 30 2 *`.
    fn never_fires(&self) -> bool {
        const LONGEST: [i8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let exists = (1..)
            .zip(LONGEST)
            .any(|(month, days)| has(self.months, month) && (1..=days).any(|day| has(self.days, day)));
        self.day_rule == DayRule::Both && !exists
    }
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bits >> value & 1 == 1)
}

/// What a field may say.
struct Field {
    least: u8,
    most: u8,
    /// Of the values from `least` on.
    names: &'static [&'static str],
    rule: &'static str,
}

const MINUTE: Field =
    Field { least: 0, most: 59, names: &[], rule: "minutes from 0 to 59: 5, 1-5, */15, or a list of them" };
const HOUR: Field =
    Field { least: 0, most: 23, names: &[], rule: "hours from 0 to 23: 5, 1-5, */6, or a list of them" };
const DAY: Field =
    Field { least: 1, most: 31, names: &[], rule: "days of the month from 1 to 31: 5, 1-5, */7, or a list of them" };
const MONTH: Field = Field {
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    rule: "months from 1 to 12 or JAN to DEC: 3, MAR-JUN, */3, or a list of them",
};
const WEEKDAY: Field = Field {
    least: 0,
    most: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    rule: "days of the week from 0 to 7 (0 and 7 are Sunday) or SUN to SAT: 1, MON-FRI, or a list of them",
};

impl Field {
    /// The values of a list, as bits.
    fn parse(&self, list: &str) -> Result<u64, &'static str> {
        list.split(',').try_fold(0, |bits, item| Ok(bits | self.item(item).ok_or(self.rule)?))
    }

    /// `*`, `a` or `a-b`, each with `/step` or without; `a/step` goes up to the end.
    fn item(&self, item: &str) -> Option<u64> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
            None => (item, None),
        };
        let (first, last) = match (range, range.split_once('-')) {
            ("*", _) => (self.least, self.most),
            (_, Some((first, last))) => (self.value(first)?, self.value(last)?),
            (one, None) => {
                let first = self.value(one)?;
                (first, if step.is_some() { self.most } else { first })
            }
        };
        let values = (first..=last).step_by(step.unwrap_or(1).into());
        (first <= last).then(|| values.fold(0, |bits, value| bits | 1 << value))
    }

    fn value(&self, text: &str) -> Option<u8> {
        let named = (self.least..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text));
        let value = named.map(|(value, _)| value).or_else(|| number(text))?;
        (self.least..=self.most).contains(&value).then_some(value)
    }
}

/// Digits and nothing else: no sign.
fn number(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of_2025(line: &str) -> Vec<String> {
        let cron = Cron::parse(line).unwrap();
        let days = Date::constant(2025, 1, 1).series(jiff::ToSpan::day(1)).take(365);
        days.filter(|date| cron.fires_on(*date)).map(|date| date.to_string()).collect()
    }

    fn times(line: &str) -> Vec<String> {
        Cron::parse(line).unwrap().times().map(|time| time.strftime("%H:%M").to_string()).collect()
    }

    #[test]
    fn times_are_those_of_the_two_first_fields() {
        assert_eq!(times("30 2 * * *"), ["02:30"]);
        assert_eq!(times("*/20 0-1 * * *"), ["00:00", "00:20", "00:40", "01:00", "01:20", "01:40"]);
        assert_eq!(times("5,50-52 23 * * *"), ["23:05", "23:50", "23:51", "23:52"]);
        assert_eq!(times("40/10 6/8 * * *"), ["06:40", "06:50", "14:40", "14:50", "22:40", "22:50"]);
        assert_eq!(times("@hourly").len(), 24);
        assert_eq!(times("@daily"), ["00:00"]);
    }

    #[test]
    fn days_are_those_of_the_three_last_fields() {
        assert_eq!(days_of_2025("0 0 * * MON-FRI").len(), 261);
        assert_eq!(days_of_2025("0 0 31 * *").len(), 7);
        assert_eq!(days_of_2025("0 0 1 jan,JUL *"), ["2025-01-01", "2025-07-01"]);
        assert_eq!(days_of_2025("@yearly"), ["2025-01-01"]);
        assert_eq!(days_of_2025("@monthly").len(), 12);
        for sunday in ["0 0 * 1 0", "0 0 * 1 7", "0 0 * 1 Sun"] {
            assert_eq!(days_of_2025(sunday), ["2025-01-05", "2025-01-12", "2025-01-19", "2025-01-26"], "{sunday}");
        }
        assert_eq!(days_of_2025("0 0 * 1 5-7").len(), days_of_2025("0 0 * 1 FRI,SAT,SUN").len());
    }

    #[test]
    fn two_fields_of_days_are_either_unless_one_is_any() {
        // The 13th, and every Friday.
        assert_eq!(
            days_of_2025("0 0 13 1 FRI"),
            ["2025-01-03", "2025-01-10", "2025-01-13", "2025-01-17", "2025-01-24", "2025-01-31"]
        );
        assert_eq!(days_of_2025("0 0 */1 1 FRI").len(), 5, "a step of all is all");
    }

    #[test]
    fn lines_that_are_none_are_refused_with_what_to_write() {
        for line in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * 0 *",
            "* * * * 8",
            "*/0 * * * *",
            "5-1 * * * *",
            "1,,2 * * * *",
            "-1 * * * *",
            "+1 * * * *",
            "1-2-3 * * * *",
            "a * * * *",
            "* * * * L",
            "* * * * FRI-MON",
            "0 0 30 2 *",
            "0 0 31 4,6,9,11 *",
            "@reboot",
            "1/ * * * *",
            "256 * * * *",
        ] {
            let refused = Cron::parse(line).unwrap_err();
            assert_eq!(refused.value(), line);
        }
        assert!(Cron::parse("0 0 29 2 *").is_ok());
        assert!(Cron::parse("0 0 30 2 MON").is_ok(), "every Monday of February");
        let refused = Cron::parse("* 24 * * *").unwrap_err().to_string();
        assert!(refused.contains("hours from 0 to 23"), "{refused}");
    }
}
