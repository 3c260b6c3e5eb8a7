# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_fieldpost_global_optspecs
    string join \n home= json v/verbose q/quiet h/help V/version
end

function __fish_fieldpost_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_fieldpost_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_fieldpost_using_subcommand
    set -l cmd (__fish_fieldpost_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c fieldpost -n "__fish_fieldpost_needs_command" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_needs_command" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -s V -l version -d 'Print version'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "doctor" -d 'Look at a database and say what to know and what to write into rules.toml'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "init" -d 'Set up the main office on an existing database'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "invite" -d 'Invite a new site; writes a file to hand over'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "join" -d 'Join with an invitation; makes this site\'s keys and asks to be taken in'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "sites" -d 'List all sites, change the groups of those invited here, and retire them'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "sync" -d 'Collect, apply, send: everything, in one go'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "send" -d 'Only send: what was edited here since the last time'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "receive" -d 'Only receive: collect and apply what the others sent'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "watch" -d 'Run rounds by itself: for packets, for edits, for documents, and by the clock'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "service" -d 'Make this computer run the site by itself, with what it has for that'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "shortcut" -d 'Put an icon on the desktop that syncs with one click'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "status" -d 'Show what was sent, received, and is waiting or in conflict'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "conflicts" -d 'List edits that lost against another edit, side by side, and settle them'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "held" -d 'List changes that could not be applied yet, and why'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "records" -d 'Show how records stand; take single ones out, put them back, send them'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "rules" -d 'Check the rules, explain which one applies, or try others on past conflicts'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "schema" -d 'See which version of the schema is where, what is in its way, and tell renames'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "history" -d 'Show who changed a record, when, and from what to what'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "log" -d 'Show what every run here did, and what went wrong'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "digest" -d 'Print a content hash per table, the same wherever the data is the same'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "verify" -d 'Compare every record with what this site knows, and take up what was missed'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "bundle" -d 'Publish customizations: screens, templates, reports, lists, schema steps'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "library" -d 'The documents folder: what is in it, what is on its way, and what is not taken'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "packet" -d 'Look into a packet'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "exchange" -d 'List the exchanges of this site, check them, and log in to them'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "recover" -d 'Bring a restored database forward, or let a stopped stream go on'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "detach" -d 'Take every trace of Fieldpost out of the database'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "demo" -d 'Play a day of a main office, an office and two people, and show what happens'
complete -c fieldpost -n "__fish_fieldpost_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand doctor" -l database -d 'A database that is no site yet' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand doctor" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand doctor" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand doctor" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand doctor" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -l name -d 'The name of this site: a-z, 0-9, - and _' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -l database -d 'The SQLite database of the application' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -l exchange -d 'Where packets are dropped for the others: a folder or an address; several: --exchange A --exchange B' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -l library -d 'A folder with documents that are to travel too; see \'fieldpost library\'' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -l certificate -d 'Certificates (PEM) to believe in place of this computer\'s: the server\'s own, or the one that signed it' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -l group -d 'A group the new site is in; may be given several times' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -l role -d 'Its place in the tree' -r -f -a "remote\t'A site of one person'
office\t'A site that can invite remotes of its own'"
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -l out -d 'The file to write; without it NAME.invite in the current folder' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -l days -d 'How many days the invitation is good for' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand invite" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -l exchange -d 'Where packets are dropped, as seen from this computer; several: --exchange A --exchange B' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -l certificate -d 'Certificates (PEM) to believe in place of this computer\'s: the server\'s own, or the one that signed it' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -l library -d 'Where documents are to be, where the others have any; without it \'library\' in the home' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -l database -d 'Where the database is to be; without it a file of the host\'s name in the home' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand join" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -f -a "list" -d 'List them: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -f -a "groups" -d 'Put a site into groups, and take it out of others'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -f -a "retire" -d 'End a site for good: a computer that was lost, a colleague who left'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and not __fish_seen_subcommand_from list groups retire help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from list" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from list" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from groups" -l add -d 'A group that it comes into; may be given several times' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from groups" -l remove -d 'A group that it leaves; may be given several times' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from groups" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from groups" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from groups" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from groups" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from groups" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from retire" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from retire" -l yes -d 'Do not ask'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from retire" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from retire" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from retire" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from retire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from help" -f -a "list" -d 'List them: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from help" -f -a "groups" -d 'Put a site into groups, and take it out of others'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from help" -f -a "retire" -d 'End a site for good: a computer that was lost, a colleague who left'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sites; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -l full -d 'Ask the parent for all data anew, and tell the sites below all of it anew'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -l dry-run -d 'Tell what would happen, predicted conflicts included, and change nothing'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -l allow-deletions -d 'Take it for meant that very many documents are gone from the folder of documents, and tell the others'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -l window -d 'For a window that closes at the end: a short summary in plain words, which stays where something wants attention'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand sync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand send" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand send" -l dry-run -d 'Tell what would be sent, and change nothing'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand send" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand send" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand send" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand send" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand receive" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand receive" -l dry-run -d 'Tell what would be applied, predicted conflicts included, and change nothing'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand receive" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand receive" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand receive" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand receive" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand watch" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand watch" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand watch" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand watch" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -f -a "install" -d 'Show what would be written and run, ask, and do it'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -f -a "remove" -d 'Stop it, and take out what is ours'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -f -a "show" -d 'Show exactly what would be written and run, and whether it is installed now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and not __fish_seen_subcommand_from install remove show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from install" -l kind -d 'What starts it; without it what is installed, else systemd where it runs, launchd, windows, or cron' -r -f -a "systemd\t'A unit of the user in systemd: a watch, or with a timer a sync'
cron\t'A line in the crontab of the user: a sync every 15 minutes, or as the timer says'
launchd\t'A launch agent of macOS'
windows\t'A task of the Windows task scheduler'"
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from install" -l timer -d 'Syncs so often, as 15m or 2h, instead of a watch' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from install" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from install" -l yes -d 'Do not ask'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from install" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from install" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from install" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from remove" -l kind -d 'Only this kind; without it whatever there is' -r -f -a "systemd\t'A unit of the user in systemd: a watch, or with a timer a sync'
cron\t'A line in the crontab of the user: a sync every 15 minutes, or as the timer says'
launchd\t'A launch agent of macOS'
windows\t'A task of the Windows task scheduler'"
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from remove" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from remove" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from show" -l kind -d 'What starts it; without it what is installed, else systemd where it runs, launchd, windows, or cron' -r -f -a "systemd\t'A unit of the user in systemd: a watch, or with a timer a sync'
cron\t'A line in the crontab of the user: a sync every 15 minutes, or as the timer says'
launchd\t'A launch agent of macOS'
windows\t'A task of the Windows task scheduler'"
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from show" -l timer -d 'Syncs so often, as 15m or 2h, instead of a watch' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from show" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from show" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "install" -d 'Show what would be written and run, ask, and do it'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Stop it, and take out what is ours'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show exactly what would be written and run, and whether it is installed now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand shortcut" -l to -d 'Put it into this folder instead' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand shortcut" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand shortcut" -l remove -d 'Take it away again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand shortcut" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand shortcut" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand shortcut" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand shortcut" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand status" -l watch -d 'Show it again every so many seconds, until stopped' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand status" -l html -d 'Write it as a page for a browser, all in one file' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand status" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand status" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand status" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand status" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -l site -d 'Only those in which an edit of this site won or lost' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -l since -d 'Only those decided from then on: a day, a time, or how long ago, as 3h or 2d' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -l until -d 'Only those decided until then; a day is meant with its evening' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -l open -d 'Only those that wait for a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -a "list" -d 'List them, newest first: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -a "show" -d 'Show conflicts side by side: what was before, what stands, what lost, what is there now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -a "resolve" -d 'Settle conflicts: keep what stands, take what lost, or set another value'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and not __fish_seen_subcommand_from list show resolve help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -l site -d 'Only those in which an edit of this site won or lost' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -l since -d 'Only those decided from then on: a day, a time, or how long ago, as 3h or 2d' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -l until -d 'Only those decided until then; a day is meant with its evening' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -l open -d 'Only those that wait for a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from show" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from show" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l table -d 'All that are open in this table' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l site -d 'Only those in which an edit of this site won or lost' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l since -d 'Only those decided from then on: a day, a time, or how long ago, as 3h or 2d' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l until -d 'Only those decided until then; a day is meant with its evening' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l take -d 'Which value it shall be' -r -f -a "standing\t'What stands now'
lost\t'What lost'
before\t'What both had before'"
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l take-of -d 'The value of this site, whether it stands or lost' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l value -d 'Another value; quotes inside the quotes make a number a text' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l all -d 'All that are open'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l anyway -d 'Also where the record was edited since'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from resolve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from help" -f -a "list" -d 'List them, newest first: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show conflicts side by side: what was before, what stands, what lost, what is there now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from help" -f -a "resolve" -d 'Settle conflicts: keep what stands, take what lost, or set another value'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand conflicts; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -f -a "list" -d 'List them, oldest first: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -f -a "show" -d 'Show a held change: its values, why it waits, how often it was tried, and when it is tried again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -f -a "retry" -d 'Try every held change again now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -f -a "edit" -d 'Change values of a held change of a child, and try it again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -f -a "drop" -d 'Let go of a held change of a child: it is listed with its values, and the child is told why'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and not __fish_seen_subcommand_from list show retry edit drop help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from list" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from list" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from show" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from show" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from retry" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from retry" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from retry" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from retry" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from edit" -l from -d 'Who sent it, where several neighbours sent one for the record' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from edit" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from edit" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from edit" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from edit" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from drop" -l from -d 'Who sent it, where several neighbours sent one for the record' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from drop" -l reason -d 'Why, for whoever made it' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from drop" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from drop" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from drop" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from drop" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from drop" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from help" -f -a "list" -d 'List them, oldest first: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a held change: its values, why it waits, how often it was tried, and when it is tried again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Try every held change again now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from help" -f -a "edit" -d 'Change values of a held change of a child, and try it again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from help" -f -a "drop" -d 'Let go of a held change of a child: it is listed with its values, and the child is told why'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand held; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -l state -d 'Only records that stand like this; may be given several times' -r -f -a "in-conflict\t'Two edits met, and a person is to decide'
new-there\t'A record of a neighbour that could not be applied here'
changed-there\t'A change of a neighbour that could not be applied here'
deleted-there\t'A delete of a neighbour that could not be applied here'
deactivated\t'A person took it out of the exchange'
inactive\t'The rules keep it here'
new-here\t'Made here; the next packet tells it'
changed-here\t'Changed here; the next packet tells it'
deleted-here\t'Deleted here; the next packet tells it'
waiting\t'Told, and not confirmed yet'
deleted-waiting\t'Deleted here and told; the other side has yet to confirm it'
synchronized\t'The same on both sides'"
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -l with -d 'As they stand with this neighbour' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -l where -d 'Only records for which this SQL is true' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -s n -l most -d 'How many records are listed' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -a "list" -d 'Show how records stand: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -a "deactivate" -d 'Take a record out of the exchange: nobody is told of it, and what comes for it is held'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -a "activate" -d 'Put a record back: what came meanwhile is decided now, and what was edited travels'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -a "send" -d 'Let records of a table that is sent by hand go with the next \'fieldpost sync\''
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and not __fish_seen_subcommand_from list deactivate activate send help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -l state -d 'Only records that stand like this; may be given several times' -r -f -a "in-conflict\t'Two edits met, and a person is to decide'
new-there\t'A record of a neighbour that could not be applied here'
changed-there\t'A change of a neighbour that could not be applied here'
deleted-there\t'A delete of a neighbour that could not be applied here'
deactivated\t'A person took it out of the exchange'
inactive\t'The rules keep it here'
new-here\t'Made here; the next packet tells it'
changed-here\t'Changed here; the next packet tells it'
deleted-here\t'Deleted here; the next packet tells it'
waiting\t'Told, and not confirmed yet'
deleted-waiting\t'Deleted here and told; the other side has yet to confirm it'
synchronized\t'The same on both sides'"
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -l with -d 'As they stand with this neighbour' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -l where -d 'Only records for which this SQL is true' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -s n -l most -d 'How many records are listed' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from deactivate" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from deactivate" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from deactivate" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from deactivate" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from deactivate" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from activate" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from activate" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from activate" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from activate" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from activate" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from send" -l where -d 'All records for which this SQL is true' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from send" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from send" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from send" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from send" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from send" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show how records stand: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from help" -f -a "deactivate" -d 'Take a record out of the exchange: nobody is told of it, and what comes for it is held'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from help" -f -a "activate" -d 'Put a record back: what came meanwhile is decided now, and what was edited travels'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from help" -f -a "send" -d 'Let records of a table that is sent by hand go with the next \'fieldpost sync\''
complete -c fieldpost -n "__fish_fieldpost_using_subcommand records; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -f -a "check" -d 'Look for slips: names that are not there, SQL that does not run, criteria that never decide'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -f -a "explain" -d 'Tell which rules apply to a table or a field, and where they stand'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -f -a "try" -d 'Replay the conflicts that were decided here under changed rules, and show what would come out differently'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and not __fish_seen_subcommand_from check explain try help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from check" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from check" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from explain" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from explain" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from explain" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from explain" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from try" -l days -d 'How many days back' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from try" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from try" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from try" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from try" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from try" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "check" -d 'Look for slips: names that are not there, SQL that does not run, criteria that never decide'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Tell which rules apply to a table or a field, and where they stand'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "try" -d 'Replay the conflicts that were decided here under changed rules, and show what would come out differently'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand rules; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -f -a "status" -d 'Tell which version is here, which one every child was told and has, what is refused and what waits'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -f -a "diff" -d 'Show what is not alike: here and at the parent, or what children have not confirmed yet'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -f -a "log" -d 'Show the versions that were, and what each of them changed'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -f -a "hint" -d 'Tell whether a column that came is one that went, under another name'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and not __fish_seen_subcommand_from status diff log hint help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from status" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from status" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from diff" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from diff" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from diff" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from log" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from log" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from log" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from log" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from log" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from hint" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from hint" -l new -d 'What came is another one'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from hint" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from hint" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from hint" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from hint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from help" -f -a "status" -d 'Tell which version is here, which one every child was told and has, what is refused and what waits'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Show what is not alike: here and at the parent, or what children have not confirmed yet'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from help" -f -a "log" -d 'Show the versions that were, and what each of them changed'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from help" -f -a "hint" -d 'Tell whether a column that came is one that went, under another name'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand schema; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand history" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand history" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand history" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand history" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -l site -d 'Only lines about this other site' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -l level -d 'Only lines that matter so much' -r -f -a "info\t'Everything'
warning\t'What was decided by a rule, waits, or failed'
error\t'What failed, or waits for a person'"
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -l since -d 'Only from then on: a day, a time, or how long ago, as 3h or 2d' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -l until -d 'Only until then; a day is meant with its evening' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -l run -d 'Only this run' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -s n -l last -d 'How many lines, the newest' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand digest" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand digest" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand digest" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand digest" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand digest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand verify" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand verify" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand verify" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand verify" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "new" -d 'Make the folder of a new bundle, with a bundle.toml that explains itself'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "check" -d 'Look for slips in a bundle\'s folder'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "build" -d 'Make and sign the file of a bundle; the same folder and key give the same bytes'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "trust" -d 'Let somebody\'s key sign bundles for all sites, or list who may; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "publish" -d 'Publish a bundle to groups of sites; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "withdraw" -d 'Take the newest version of a published bundle back at every site; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "plan" -d 'Say what installing would change here, and change nothing'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "install" -d 'Install a bundle that was handed over, or a published one that was taken back here'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "status" -d 'Tell which site has which version since when, what waits and why'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "drift" -d 'List what was changed here of what bundles put'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "rollback" -d 'Go back to the version before, here'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "remove" -d 'Take a bundle away here: what was there before it comes back'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and not __fish_seen_subcommand_from new check build trust publish withdraw plan install status drift rollback remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from new" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from new" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from new" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from new" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from check" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from check" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from build" -l key -d 'The publisher\'s private key as ssh-keygen makes it; without it the key of this site' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from build" -l out -d 'Where the file goes; without it the current folder' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from build" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from build" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from build" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from build" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from build" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from trust" -l name -d 'Who it is, for people; without it the comment in the file' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from trust" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from trust" -l remove -d 'Trust it no more; what it signed and is installed stays'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from trust" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from trust" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from trust" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from trust" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from publish" -l group -d 'A group of sites, in addition to those it is published for; may be given several times' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from publish" -l from -d 'The sites install it no earlier, by their own clocks: a day, or a day and a time' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from publish" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from publish" -l everyone -d 'All sites, this one too'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from publish" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from publish" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from publish" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from publish" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from withdraw" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from withdraw" -l force -d 'Also where something was changed since: changed files are kept beside as NAME.kept-VERSION; rows stay that were changed or that records refer to'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from withdraw" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from withdraw" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from withdraw" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from withdraw" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from plan" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from plan" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from plan" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from plan" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from plan" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from install" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from install" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from install" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from install" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from status" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from status" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from drift" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from drift" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from drift" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from drift" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from drift" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from rollback" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from rollback" -l force -d 'Also where something was changed since: changed files are kept beside as NAME.kept-VERSION; rows stay that were changed or that records refer to'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from rollback" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from rollback" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from rollback" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from rollback" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from remove" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from remove" -l force -d 'Also where something was changed since: changed files are kept beside as NAME.kept-VERSION; rows stay that were changed or that records refer to'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from remove" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "new" -d 'Make the folder of a new bundle, with a bundle.toml that explains itself'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "check" -d 'Look for slips in a bundle\'s folder'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "build" -d 'Make and sign the file of a bundle; the same folder and key give the same bytes'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "trust" -d 'Let somebody\'s key sign bundles for all sites, or list who may; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "publish" -d 'Publish a bundle to groups of sites; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "withdraw" -d 'Take the newest version of a published bundle back at every site; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "plan" -d 'Say what installing would change here, and change nothing'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "install" -d 'Install a bundle that was handed over, or a published one that was taken back here'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "status" -d 'Tell which site has which version since when, what waits and why'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "drift" -d 'List what was changed here of what bundles put'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "rollback" -d 'Go back to the version before, here'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take a bundle away here: what was there before it comes back'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand bundle; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -f -a "on" -d 'Keep documents in this folder; it is made where it is not there, and marked'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -f -a "drop" -d 'Give up the content of a document that does not come, because the only site that had it is lost'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -f -a "off" -d 'Keep no documents any more; at the main office: nowhere. Files stay where they are'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and not __fish_seen_subcommand_from on drop off help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from on" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from on" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from on" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from on" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from on" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from drop" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from drop" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from drop" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from drop" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from drop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from off" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from off" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from off" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from off" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from off" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from help" -f -a "on" -d 'Keep documents in this folder; it is made where it is not there, and marked'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from help" -f -a "drop" -d 'Give up the content of a document that does not come, because the only site that had it is lost'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from help" -f -a "off" -d 'Keep no documents any more; at the main office: nowhere. Files stay where they are'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand library; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -f -a "show" -d 'Show what is in a packet, as far as the keys of this site allow'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -f -a "verify" -d 'Check signature, hashes and form; says nothing of the records'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -f -a "open" -d 'Unpack what is in a packet into a new folder'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and not __fish_seen_subcommand_from show verify open help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from show" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from show" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from verify" -l signers -d 'Who may have signed it, as for \'ssh-keygen -Y verify\'; without it the sites this home knows' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from verify" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from verify" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from open" -l out -d 'The folder to make' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from open" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from open" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from open" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from open" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from open" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what is in a packet, as far as the keys of this site allow'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check signature, hashes and form; says nothing of the records'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from help" -f -a "open" -d 'Unpack what is in a packet into a new folder'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand packet; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -f -a "list" -d 'List them: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -f -a "check" -d 'Try every operation that will be needed, with a small file that is taken away again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -f -a "login" -d 'Keep a name and a password for an exchange, where only you can read them'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and not __fish_seen_subcommand_from list check login help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from list" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from list" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from check" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from check" -l accept -d 'Use what is there from now on, where this site never used it; the main office makes an exchange of it where it is none, and of a place where one was before only if its address is typed'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from check" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from login" -l user -d 'Who logs in, where the address does not say it' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from login" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from login" -l forget -d 'Forget what was kept'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from login" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from login" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from login" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from help" -f -a "list" -d 'List them: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from help" -f -a "check" -d 'Try every operation that will be needed, with a small file that is taken away again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from help" -f -a "login" -d 'Keep a name and a password for an exchange, where only you can read them'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand exchange; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand recover" -l neighbour -d 'Let the stream of this neighbour go on' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand recover" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand recover" -l yes -d 'Do it'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand recover" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand recover" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand recover" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand detach" -l database -d 'The database of a home that is lost, or a copy of one' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand detach" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand detach" -l force -d 'Detach although there are edits that no other site has, the database is lost, or this computer still runs the site'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand detach" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand detach" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand detach" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand detach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand demo" -l dir -d 'Make the sites in this new folder and keep them; without it they are gone in the end' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand demo" -l only-database -d 'Only make the customer database, as this new file, and play nothing' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand demo" -l customers -d 'How many customers the database starts with' -r
complete -c fieldpost -n "__fish_fieldpost_using_subcommand demo" -l home -d 'The folder of the site; without it the nearest one from the current folder upwards' -r -F
complete -c fieldpost -n "__fish_fieldpost_using_subcommand demo" -l json -d 'Print the report as JSON'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand demo" -s v -l verbose -d 'Tell more; twice: everything'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand demo" -s q -l quiet -d 'Print nothing unless something failed or wants a person'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "doctor" -d 'Look at a database and say what to know and what to write into rules.toml'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "init" -d 'Set up the main office on an existing database'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "invite" -d 'Invite a new site; writes a file to hand over'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "join" -d 'Join with an invitation; makes this site\'s keys and asks to be taken in'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "sites" -d 'List all sites, change the groups of those invited here, and retire them'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "sync" -d 'Collect, apply, send: everything, in one go'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "send" -d 'Only send: what was edited here since the last time'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "receive" -d 'Only receive: collect and apply what the others sent'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "watch" -d 'Run rounds by itself: for packets, for edits, for documents, and by the clock'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "service" -d 'Make this computer run the site by itself, with what it has for that'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "shortcut" -d 'Put an icon on the desktop that syncs with one click'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "status" -d 'Show what was sent, received, and is waiting or in conflict'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "conflicts" -d 'List edits that lost against another edit, side by side, and settle them'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "held" -d 'List changes that could not be applied yet, and why'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "records" -d 'Show how records stand; take single ones out, put them back, send them'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "rules" -d 'Check the rules, explain which one applies, or try others on past conflicts'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "schema" -d 'See which version of the schema is where, what is in its way, and tell renames'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "history" -d 'Show who changed a record, when, and from what to what'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "log" -d 'Show what every run here did, and what went wrong'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "digest" -d 'Print a content hash per table, the same wherever the data is the same'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "verify" -d 'Compare every record with what this site knows, and take up what was missed'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "bundle" -d 'Publish customizations: screens, templates, reports, lists, schema steps'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "library" -d 'The documents folder: what is in it, what is on its way, and what is not taken'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "packet" -d 'Look into a packet'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "exchange" -d 'List the exchanges of this site, check them, and log in to them'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "recover" -d 'Bring a restored database forward, or let a stopped stream go on'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "detach" -d 'Take every trace of Fieldpost out of the database'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "demo" -d 'Play a day of a main office, an office and two people, and show what happens'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and not __fish_seen_subcommand_from doctor init invite join sites sync send receive watch service shortcut status conflicts held records rules schema history log digest verify bundle library packet exchange recover detach demo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from sites" -f -a "list" -d 'List them: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from sites" -f -a "groups" -d 'Put a site into groups, and take it out of others'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from sites" -f -a "retire" -d 'End a site for good: a computer that was lost, a colleague who left'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "install" -d 'Show what would be written and run, ask, and do it'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "remove" -d 'Stop it, and take out what is ours'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "show" -d 'Show exactly what would be written and run, and whether it is installed now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from conflicts" -f -a "list" -d 'List them, newest first: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from conflicts" -f -a "show" -d 'Show conflicts side by side: what was before, what stands, what lost, what is there now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from conflicts" -f -a "resolve" -d 'Settle conflicts: keep what stands, take what lost, or set another value'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from held" -f -a "list" -d 'List them, oldest first: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from held" -f -a "show" -d 'Show a held change: its values, why it waits, how often it was tried, and when it is tried again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from held" -f -a "retry" -d 'Try every held change again now'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from held" -f -a "edit" -d 'Change values of a held change of a child, and try it again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from held" -f -a "drop" -d 'Let go of a held change of a child: it is listed with its values, and the child is told why'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from records" -f -a "list" -d 'Show how records stand: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from records" -f -a "deactivate" -d 'Take a record out of the exchange: nobody is told of it, and what comes for it is held'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from records" -f -a "activate" -d 'Put a record back: what came meanwhile is decided now, and what was edited travels'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from records" -f -a "send" -d 'Let records of a table that is sent by hand go with the next \'fieldpost sync\''
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "check" -d 'Look for slips: names that are not there, SQL that does not run, criteria that never decide'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "explain" -d 'Tell which rules apply to a table or a field, and where they stand'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from rules" -f -a "try" -d 'Replay the conflicts that were decided here under changed rules, and show what would come out differently'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from schema" -f -a "status" -d 'Tell which version is here, which one every child was told and has, what is refused and what waits'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from schema" -f -a "diff" -d 'Show what is not alike: here and at the parent, or what children have not confirmed yet'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from schema" -f -a "log" -d 'Show the versions that were, and what each of them changed'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from schema" -f -a "hint" -d 'Tell whether a column that came is one that went, under another name'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "new" -d 'Make the folder of a new bundle, with a bundle.toml that explains itself'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "check" -d 'Look for slips in a bundle\'s folder'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "build" -d 'Make and sign the file of a bundle; the same folder and key give the same bytes'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "trust" -d 'Let somebody\'s key sign bundles for all sites, or list who may; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "publish" -d 'Publish a bundle to groups of sites; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "withdraw" -d 'Take the newest version of a published bundle back at every site; at the main office'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "plan" -d 'Say what installing would change here, and change nothing'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "install" -d 'Install a bundle that was handed over, or a published one that was taken back here'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "status" -d 'Tell which site has which version since when, what waits and why'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "drift" -d 'List what was changed here of what bundles put'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "rollback" -d 'Go back to the version before, here'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from bundle" -f -a "remove" -d 'Take a bundle away here: what was there before it comes back'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from library" -f -a "on" -d 'Keep documents in this folder; it is made where it is not there, and marked'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from library" -f -a "drop" -d 'Give up the content of a document that does not come, because the only site that had it is lost'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from library" -f -a "off" -d 'Keep no documents any more; at the main office: nowhere. Files stay where they are'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from packet" -f -a "show" -d 'Show what is in a packet, as far as the keys of this site allow'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from packet" -f -a "verify" -d 'Check signature, hashes and form; says nothing of the records'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from packet" -f -a "open" -d 'Unpack what is in a packet into a new folder'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from exchange" -f -a "list" -d 'List them: the same as without a word'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from exchange" -f -a "check" -d 'Try every operation that will be needed, with a small file that is taken away again'
complete -c fieldpost -n "__fish_fieldpost_using_subcommand help; and __fish_seen_subcommand_from exchange" -f -a "login" -d 'Keep a name and a password for an exchange, where only you can read them'
