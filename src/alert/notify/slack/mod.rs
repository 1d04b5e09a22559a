//! Slack: by a bot, which can edit and thread, or by an incoming webhook, which cannot.

mod answer;
mod bot;
mod message;
mod webhook;

pub use bot::SlackBot;
pub use webhook::SlackWebhook;
