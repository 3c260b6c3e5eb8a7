//! What can be typed after `fieldpost`?

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::{
    Exit, bundle, conflicts, demo, detach, digest, doctor, exchange, held, history, init, invite, join, library, log, packet, records,
    recover, rounds, rules, schema, service, shortcut, sites, status, verify, watch,
};

/// The variable of the environment that names the home.
pub const HOME_VARIABLE: &str = "FIELDPOST_HOME";

/// Keeps SQLite databases the same in places that share nothing but files that travel.
///
/// A main office (the host), its offices and its people on the road each work in a database of their own. Fieldpost
/// notes what was edited, sends the edits as signed and sealed files through a shared folder, and brings in the edits
/// of the others. The program that owns the database needs no change and may stay open.
#[derive(Clone, Debug, Parser)]
#[command(name = "fieldpost", bin_name = "fieldpost", version, max_term_width = 100, after_help = Cli::after_help(), arg_required_else_help = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// The folder of the site; without it the nearest one from the current folder upwards
    #[arg(long, global = true, value_name = "DIR", env = HOME_VARIABLE, hide_env_values = true)]
    pub home: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Tell more; twice: everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Print nothing unless something failed or wants a person
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
#[expect(missing_docs, reason = "clap takes the words of a command from its arguments, which have them")]
pub enum Command {
    Doctor(doctor::DoctorArgs),
    Init(init::InitArgs),
    Invite(invite::InviteArgs),
    Join(join::JoinArgs),
    Sites(sites::SitesArgs),
    Sync(rounds::SyncArgs),
    Send(rounds::SendArgs),
    Receive(rounds::ReceiveArgs),
    Watch(watch::WatchArgs),
    Service(service::ServiceArgs),
    Shortcut(shortcut::ShortcutArgs),
    Status(status::StatusArgs),
    Conflicts(conflicts::ConflictsArgs),
    Held(held::HeldArgs),
    Records(records::RecordsArgs),
    Rules(rules::RulesArgs),
    Schema(schema::SchemaArgs),
    History(history::HistoryArgs),
    Log(log::LogArgs),
    Digest(digest::DigestArgs),
    Verify(verify::VerifyArgs),
    Bundle(bundle::BundleArgs),
    Library(library::LibraryArgs),
    Packet(packet::PacketArgs),
    Exchange(exchange::ExchangeArgs),
    Recover(recover::RecoverArgs),
    Detach(detach::DetachArgs),
    Demo(demo::DemoArgs),
}

impl Command {
    /// Under which name its runs are logged; none for one that only reads, or that begins or ends the home.
    #[must_use]
    pub const fn logged_as(&self) -> Option<&'static str> {
        match self {
            Self::Invite(_) => Some("invite"),
            Self::Sync(rounds::SyncArgs { dry_run: true, .. })
            | Self::Send(rounds::SendArgs { dry_run: true })
            | Self::Receive(rounds::ReceiveArgs { dry_run: true }) => None,
            Self::Sync(rounds::SyncArgs { full: true, .. }) => Some("sync --full"),
            Self::Sync(_) => Some("sync"),
            Self::Send(_) => Some("send"),
            Self::Receive(_) => Some("receive"),
            Self::Verify(_) => Some("verify"),
            Self::Conflicts(arguments) => arguments.logged_as(),
            Self::Held(arguments) => arguments.logged_as(),
            Self::Records(arguments) => arguments.logged_as(),
            Self::Bundle(arguments) => arguments.logged_as(),
            Self::Schema(arguments) => arguments.logged_as(),
            Self::Exchange(arguments) => arguments.logged_as(),
            Self::Library(arguments) => arguments.logged_as(),
            Self::Service(arguments) => arguments.logged_as(),
            Self::Sites(arguments) => arguments.logged_as(),
            Self::Recover(recover::RecoverArgs { yes: true, .. }) => Some("recover"),
            Self::Recover(_)
            | Self::Watch(_)
            | Self::Shortcut(_)
            | Self::Init(_)
            | Self::Join(_)
            | Self::Doctor(_)
            | Self::Status(_)
            | Self::Rules(_)
            | Self::History(_)
            | Self::Log(_)
            | Self::Digest(_)
            | Self::Packet(_)
            | Self::Detach(_)
            | Self::Demo(_) => None,
        }
    }
}

impl Cli {
    fn after_help() -> String {
        format!(
            "A first day:\n  \
             fieldpost doctor --database shop.db                                   what to know before beginning\n  \
             fieldpost init --name head --database shop.db --exchange /mnt/share   at the main office\n  \
             fieldpost invite anna --out anna.invite                               hand this file to Anna\n  \
             fieldpost join anna.invite --home anna --exchange /mnt/share          on Anna's computer\n  \
             fieldpost sync                                                        at the office, then hers\n\n{}",
            Exit::table()
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_before_and_after_the_command() {
        for line in ["fieldpost --home a --json status", "fieldpost status --json --home a"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.globals.json && cli.globals.home == Some("a".into()));
        }
        assert!(Cli::try_parse_from(["fieldpost", "-q", "-v", "status"]).is_err());
    }

    #[test]
    fn the_commands_of_the_tour_are_understood() {
        for line in [
            "fieldpost doctor --database shop.db",
            "fieldpost doctor --json",
            "fieldpost init --name head --database shop.db --exchange /mnt/share",
            "fieldpost invite anna --group sales --out anna.invite",
            "fieldpost invite north --role office",
            "fieldpost join anna.invite --home anna --exchange /mnt/share",
            "fieldpost sites",
            "fieldpost sites groups anna --add sales --add east --remove field",
            "fieldpost sites retire anna --yes",
            "fieldpost sync",
            "fieldpost sync --full",
            "fieldpost sync --dry-run -v",
            "fieldpost send --quiet",
            "fieldpost receive --dry-run",
            "fieldpost status --json",
            "fieldpost conflicts customers --open",
            "fieldpost conflicts resolve 7 8 --take lost",
            "fieldpost conflicts resolve 7 --value x --anyway",
            "fieldpost held",
            "fieldpost held retry",
            "fieldpost held edit 17 phone=1 city=Bern",
            "fieldpost held drop 17 --reason twice",
            "fieldpost records deactivate customers ACME-0007",
            "fieldpost records activate customers ACME-0007",
            "fieldpost records send answers --where done=1",
            "fieldpost rules check",
            "fieldpost rules explain customers phone",
            "fieldpost rules try new.toml --days 30",
            "fieldpost schema status",
            "fieldpost schema diff --json",
            "fieldpost schema log",
            "fieldpost schema hint customers phone mobile",
            "fieldpost schema hint --new customers",
            "fieldpost history customers ACME-0007",
            "fieldpost history order_lines O-17 3",
            "fieldpost log",
            "fieldpost log customers ACME-0007 --level warning --since friday --until 2026-11-28 --site anna -n 20",
            "fieldpost digest",
            "fieldpost bundle new sales-forms",
            "fieldpost bundle check sales-forms",
            "fieldpost bundle build sales-forms --key publisher --out .",
            "fieldpost bundle trust publisher.pub --name Smith",
            "fieldpost bundle publish a.fpb --group sales --group east --from 2026-12-01",
            "fieldpost bundle publish a.fpb --everyone",
            "fieldpost bundle withdraw sales-forms",
            "fieldpost bundle plan a.fpb",
            "fieldpost bundle install a.fpb",
            "fieldpost bundle status --json",
            "fieldpost bundle drift",
            "fieldpost bundle rollback sales-forms --force",
            "fieldpost bundle remove sales-forms",
            "fieldpost packet show a.fpk",
            "fieldpost packet verify a.fpk --signers allowed_signers",
            "fieldpost packet open a.fpk --out folder",
            "fieldpost watch --quiet",
            "fieldpost service show",
            "fieldpost service install --kind systemd --timer 15m --yes",
            "fieldpost service remove --kind cron",
            "fieldpost shortcut",
            "fieldpost shortcut --to folder --remove",
            "fieldpost sync --window",
            "fieldpost exchange",
            "fieldpost exchange check --accept",
            "fieldpost exchange login ftp://host/x --user anna",
            "fieldpost library",
            "fieldpost library on documents",
            "fieldpost library off --json",
            "fieldpost sync --allow-deletions",
            "fieldpost recover --yes",
            "fieldpost detach",
            "fieldpost demo --dir tour",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn every_command_says_in_a_line_what_it_is_for_and_shows_examples() {
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().unwrap_or_else(|| panic!("{}", command.get_name())).to_string();
            assert!(!about.ends_with('.') && about.len() <= 78, "{about}");
            let examples = |command: &clap::Command| command.get_after_help().is_some_and(|help| help.to_string().contains("  fieldpost "));
            assert!(examples(command) || command.get_subcommands().all(examples), "{}", command.get_name());
        }
    }

    #[test]
    fn nobody_is_invited_to_be_the_host() {
        assert!(Cli::try_parse_from(["fieldpost", "invite", "x", "--role", "host"]).is_err());
        assert!(Cli::try_parse_from(["fieldpost", "invite", "Anna"]).is_err());
    }

    #[test]
    fn help_fits_the_page_and_names_every_exit_code() {
        let help = Cli::command().term_width(100).render_long_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        assert!(help.contains("then hers\n\nExit codes:"), "an example goes on in the next line:\n{help}");
        for exit in Exit::ALL {
            assert!(help.contains(&format!("  {}  {}", exit.code(), exit.meaning())));
        }
    }
}
