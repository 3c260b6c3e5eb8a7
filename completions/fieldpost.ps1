
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'fieldpost' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'fieldpost'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'fieldpost' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look at a database and say what to know and what to write into rules.toml')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Set up the main office on an existing database')
            [CompletionResult]::new('invite', 'invite', [CompletionResultType]::ParameterValue, 'Invite a new site; writes a file to hand over')
            [CompletionResult]::new('join', 'join', [CompletionResultType]::ParameterValue, 'Join with an invitation; makes this site''s keys and asks to be taken in')
            [CompletionResult]::new('sites', 'sites', [CompletionResultType]::ParameterValue, 'List all sites, change the groups of those invited here, and retire them')
            [CompletionResult]::new('sync', 'sync', [CompletionResultType]::ParameterValue, 'Collect, apply, send: everything, in one go')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Only send: what was edited here since the last time')
            [CompletionResult]::new('receive', 'receive', [CompletionResultType]::ParameterValue, 'Only receive: collect and apply what the others sent')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Run rounds by itself: for packets, for edits, for documents, and by the clock')
            [CompletionResult]::new('service', 'service', [CompletionResultType]::ParameterValue, 'Make this computer run the site by itself, with what it has for that')
            [CompletionResult]::new('shortcut', 'shortcut', [CompletionResultType]::ParameterValue, 'Put an icon on the desktop that syncs with one click')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show what was sent, received, and is waiting or in conflict')
            [CompletionResult]::new('conflicts', 'conflicts', [CompletionResultType]::ParameterValue, 'List edits that lost against another edit, side by side, and settle them')
            [CompletionResult]::new('held', 'held', [CompletionResultType]::ParameterValue, 'List changes that could not be applied yet, and why')
            [CompletionResult]::new('records', 'records', [CompletionResultType]::ParameterValue, 'Show how records stand; take single ones out, put them back, send them')
            [CompletionResult]::new('rules', 'rules', [CompletionResultType]::ParameterValue, 'Check the rules, explain which one applies, or try others on past conflicts')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'See which version of the schema is where, what is in its way, and tell renames')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'Show who changed a record, when, and from what to what')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'Show what every run here did, and what went wrong')
            [CompletionResult]::new('digest', 'digest', [CompletionResultType]::ParameterValue, 'Print a content hash per table, the same wherever the data is the same')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Compare every record with what this site knows, and take up what was missed')
            [CompletionResult]::new('bundle', 'bundle', [CompletionResultType]::ParameterValue, 'Publish customizations: screens, templates, reports, lists, schema steps')
            [CompletionResult]::new('library', 'library', [CompletionResultType]::ParameterValue, 'The documents folder: what is in it, what is on its way, and what is not taken')
            [CompletionResult]::new('packet', 'packet', [CompletionResultType]::ParameterValue, 'Look into a packet')
            [CompletionResult]::new('exchange', 'exchange', [CompletionResultType]::ParameterValue, 'List the exchanges of this site, check them, and log in to them')
            [CompletionResult]::new('recover', 'recover', [CompletionResultType]::ParameterValue, 'Bring a restored database forward, or let a stopped stream go on')
            [CompletionResult]::new('detach', 'detach', [CompletionResultType]::ParameterValue, 'Take every trace of Fieldpost out of the database')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Play a day of a main office, an office and two people, and show what happens')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;doctor' {
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'A database that is no site yet')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;init' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The name of this site: a-z, 0-9, - and _')
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'The SQLite database of the application')
            [CompletionResult]::new('--exchange', '--exchange', [CompletionResultType]::ParameterName, 'Where packets are dropped for the others: a folder or an address; several: --exchange A --exchange B')
            [CompletionResult]::new('--library', '--library', [CompletionResultType]::ParameterName, 'A folder with documents that are to travel too; see ''fieldpost library''')
            [CompletionResult]::new('--certificate', '--certificate', [CompletionResultType]::ParameterName, 'Certificates (PEM) to believe in place of this computer''s: the server''s own, or the one that signed it')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;invite' {
            [CompletionResult]::new('--group', '--group', [CompletionResultType]::ParameterName, 'A group the new site is in; may be given several times')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Its place in the tree')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The file to write; without it NAME.invite in the current folder')
            [CompletionResult]::new('--days', '--days', [CompletionResultType]::ParameterName, 'How many days the invitation is good for')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;join' {
            [CompletionResult]::new('--exchange', '--exchange', [CompletionResultType]::ParameterName, 'Where packets are dropped, as seen from this computer; several: --exchange A --exchange B')
            [CompletionResult]::new('--certificate', '--certificate', [CompletionResultType]::ParameterName, 'Certificates (PEM) to believe in place of this computer''s: the server''s own, or the one that signed it')
            [CompletionResult]::new('--library', '--library', [CompletionResultType]::ParameterName, 'Where documents are to be, where the others have any; without it ''library'' in the home')
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'Where the database is to be; without it a file of the host''s name in the home')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;sites' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them: the same as without a word')
            [CompletionResult]::new('groups', 'groups', [CompletionResultType]::ParameterValue, 'Put a site into groups, and take it out of others')
            [CompletionResult]::new('retire', 'retire', [CompletionResultType]::ParameterValue, 'End a site for good: a computer that was lost, a colleague who left')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;sites;list' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;sites;groups' {
            [CompletionResult]::new('--add', '--add', [CompletionResultType]::ParameterName, 'A group that it comes into; may be given several times')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'A group that it leaves; may be given several times')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;sites;retire' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;sites;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them: the same as without a word')
            [CompletionResult]::new('groups', 'groups', [CompletionResultType]::ParameterValue, 'Put a site into groups, and take it out of others')
            [CompletionResult]::new('retire', 'retire', [CompletionResultType]::ParameterValue, 'End a site for good: a computer that was lost, a colleague who left')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;sites;help;list' {
            break
        }
        'fieldpost;sites;help;groups' {
            break
        }
        'fieldpost;sites;help;retire' {
            break
        }
        'fieldpost;sites;help;help' {
            break
        }
        'fieldpost;sync' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--full', '--full', [CompletionResultType]::ParameterName, 'Ask the parent for all data anew, and tell the sites below all of it anew')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Tell what would happen, predicted conflicts included, and change nothing')
            [CompletionResult]::new('--allow-deletions', '--allow-deletions', [CompletionResultType]::ParameterName, 'Take it for meant that very many documents are gone from the folder of documents, and tell the others')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'For a window that closes at the end: a short summary in plain words, which stays where something wants attention')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;send' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Tell what would be sent, and change nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;receive' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Tell what would be applied, predicted conflicts included, and change nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;watch' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;service' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Show what would be written and run, ask, and do it')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Stop it, and take out what is ours')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show exactly what would be written and run, and whether it is installed now')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;service;install' {
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'What starts it; without it what is installed, else systemd where it runs, launchd, windows, or cron')
            [CompletionResult]::new('--timer', '--timer', [CompletionResultType]::ParameterName, 'Syncs so often, as 15m or 2h, instead of a watch')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;service;remove' {
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'Only this kind; without it whatever there is')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;service;show' {
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'What starts it; without it what is installed, else systemd where it runs, launchd, windows, or cron')
            [CompletionResult]::new('--timer', '--timer', [CompletionResultType]::ParameterName, 'Syncs so often, as 15m or 2h, instead of a watch')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;service;help' {
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Show what would be written and run, ask, and do it')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Stop it, and take out what is ours')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show exactly what would be written and run, and whether it is installed now')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;service;help;install' {
            break
        }
        'fieldpost;service;help;remove' {
            break
        }
        'fieldpost;service;help;show' {
            break
        }
        'fieldpost;service;help;help' {
            break
        }
        'fieldpost;shortcut' {
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Put it into this folder instead')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'Take it away again')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;status' {
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Show it again every so many seconds, until stopped')
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Write it as a page for a browser, all in one file')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;conflicts' {
            [CompletionResult]::new('--site', '--site', [CompletionResultType]::ParameterName, 'Only those in which an edit of this site won or lost')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only those decided from then on: a day, a time, or how long ago, as 3h or 2d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Only those decided until then; a day is meant with its evening')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--open', '--open', [CompletionResultType]::ParameterName, 'Only those that wait for a person')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them, newest first: the same as without a word')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show conflicts side by side: what was before, what stands, what lost, what is there now')
            [CompletionResult]::new('resolve', 'resolve', [CompletionResultType]::ParameterValue, 'Settle conflicts: keep what stands, take what lost, or set another value')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;conflicts;list' {
            [CompletionResult]::new('--site', '--site', [CompletionResultType]::ParameterName, 'Only those in which an edit of this site won or lost')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only those decided from then on: a day, a time, or how long ago, as 3h or 2d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Only those decided until then; a day is meant with its evening')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--open', '--open', [CompletionResultType]::ParameterName, 'Only those that wait for a person')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;conflicts;show' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;conflicts;resolve' {
            [CompletionResult]::new('--table', '--table', [CompletionResultType]::ParameterName, 'All that are open in this table')
            [CompletionResult]::new('--site', '--site', [CompletionResultType]::ParameterName, 'Only those in which an edit of this site won or lost')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only those decided from then on: a day, a time, or how long ago, as 3h or 2d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Only those decided until then; a day is meant with its evening')
            [CompletionResult]::new('--take', '--take', [CompletionResultType]::ParameterName, 'Which value it shall be')
            [CompletionResult]::new('--take-of', '--take-of', [CompletionResultType]::ParameterName, 'The value of this site, whether it stands or lost')
            [CompletionResult]::new('--value', '--value', [CompletionResultType]::ParameterName, 'Another value; quotes inside the quotes make a number a text')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'All that are open')
            [CompletionResult]::new('--anyway', '--anyway', [CompletionResultType]::ParameterName, 'Also where the record was edited since')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;conflicts;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them, newest first: the same as without a word')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show conflicts side by side: what was before, what stands, what lost, what is there now')
            [CompletionResult]::new('resolve', 'resolve', [CompletionResultType]::ParameterValue, 'Settle conflicts: keep what stands, take what lost, or set another value')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;conflicts;help;list' {
            break
        }
        'fieldpost;conflicts;help;show' {
            break
        }
        'fieldpost;conflicts;help;resolve' {
            break
        }
        'fieldpost;conflicts;help;help' {
            break
        }
        'fieldpost;held' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them, oldest first: the same as without a word')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show a held change: its values, why it waits, how often it was tried, and when it is tried again')
            [CompletionResult]::new('retry', 'retry', [CompletionResultType]::ParameterValue, 'Try every held change again now')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Change values of a held change of a child, and try it again')
            [CompletionResult]::new('drop', 'drop', [CompletionResultType]::ParameterValue, 'Let go of a held change of a child: it is listed with its values, and the child is told why')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;held;list' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;held;show' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;held;retry' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;held;edit' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Who sent it, where several neighbours sent one for the record')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;held;drop' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Who sent it, where several neighbours sent one for the record')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever made it')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;held;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them, oldest first: the same as without a word')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show a held change: its values, why it waits, how often it was tried, and when it is tried again')
            [CompletionResult]::new('retry', 'retry', [CompletionResultType]::ParameterValue, 'Try every held change again now')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Change values of a held change of a child, and try it again')
            [CompletionResult]::new('drop', 'drop', [CompletionResultType]::ParameterValue, 'Let go of a held change of a child: it is listed with its values, and the child is told why')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;held;help;list' {
            break
        }
        'fieldpost;held;help;show' {
            break
        }
        'fieldpost;held;help;retry' {
            break
        }
        'fieldpost;held;help;edit' {
            break
        }
        'fieldpost;held;help;drop' {
            break
        }
        'fieldpost;held;help;help' {
            break
        }
        'fieldpost;records' {
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Only records that stand like this; may be given several times')
            [CompletionResult]::new('--with', '--with', [CompletionResultType]::ParameterName, 'As they stand with this neighbour')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Only records for which this SQL is true')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'How many records are listed')
            [CompletionResult]::new('--most', '--most', [CompletionResultType]::ParameterName, 'How many records are listed')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show how records stand: the same as without a word')
            [CompletionResult]::new('deactivate', 'deactivate', [CompletionResultType]::ParameterValue, 'Take a record out of the exchange: nobody is told of it, and what comes for it is held')
            [CompletionResult]::new('activate', 'activate', [CompletionResultType]::ParameterValue, 'Put a record back: what came meanwhile is decided now, and what was edited travels')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Let records of a table that is sent by hand go with the next ''fieldpost sync''')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;records;list' {
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Only records that stand like this; may be given several times')
            [CompletionResult]::new('--with', '--with', [CompletionResultType]::ParameterName, 'As they stand with this neighbour')
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'Only records for which this SQL is true')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'How many records are listed')
            [CompletionResult]::new('--most', '--most', [CompletionResultType]::ParameterName, 'How many records are listed')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;records;deactivate' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;records;activate' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;records;send' {
            [CompletionResult]::new('--where', '--where', [CompletionResultType]::ParameterName, 'All records for which this SQL is true')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;records;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show how records stand: the same as without a word')
            [CompletionResult]::new('deactivate', 'deactivate', [CompletionResultType]::ParameterValue, 'Take a record out of the exchange: nobody is told of it, and what comes for it is held')
            [CompletionResult]::new('activate', 'activate', [CompletionResultType]::ParameterValue, 'Put a record back: what came meanwhile is decided now, and what was edited travels')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Let records of a table that is sent by hand go with the next ''fieldpost sync''')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;records;help;list' {
            break
        }
        'fieldpost;records;help;deactivate' {
            break
        }
        'fieldpost;records;help;activate' {
            break
        }
        'fieldpost;records;help;send' {
            break
        }
        'fieldpost;records;help;help' {
            break
        }
        'fieldpost;rules' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Look for slips: names that are not there, SQL that does not run, criteria that never decide')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell which rules apply to a table or a field, and where they stand')
            [CompletionResult]::new('try', 'try', [CompletionResultType]::ParameterValue, 'Replay the conflicts that were decided here under changed rules, and show what would come out differently')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;rules;check' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;rules;explain' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;rules;try' {
            [CompletionResult]::new('--days', '--days', [CompletionResultType]::ParameterName, 'How many days back')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;rules;help' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Look for slips: names that are not there, SQL that does not run, criteria that never decide')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell which rules apply to a table or a field, and where they stand')
            [CompletionResult]::new('try', 'try', [CompletionResultType]::ParameterValue, 'Replay the conflicts that were decided here under changed rules, and show what would come out differently')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;rules;help;check' {
            break
        }
        'fieldpost;rules;help;explain' {
            break
        }
        'fieldpost;rules;help;try' {
            break
        }
        'fieldpost;rules;help;help' {
            break
        }
        'fieldpost;schema' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell which version is here, which one every child was told and has, what is refused and what waits')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Show what is not alike: here and at the parent, or what children have not confirmed yet')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'Show the versions that were, and what each of them changed')
            [CompletionResult]::new('hint', 'hint', [CompletionResultType]::ParameterValue, 'Tell whether a column that came is one that went, under another name')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;schema;status' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;schema;diff' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;schema;log' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;schema;hint' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--new', '--new', [CompletionResultType]::ParameterName, 'What came is another one')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;schema;help' {
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell which version is here, which one every child was told and has, what is refused and what waits')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Show what is not alike: here and at the parent, or what children have not confirmed yet')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'Show the versions that were, and what each of them changed')
            [CompletionResult]::new('hint', 'hint', [CompletionResultType]::ParameterValue, 'Tell whether a column that came is one that went, under another name')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;schema;help;status' {
            break
        }
        'fieldpost;schema;help;diff' {
            break
        }
        'fieldpost;schema;help;log' {
            break
        }
        'fieldpost;schema;help;hint' {
            break
        }
        'fieldpost;schema;help;help' {
            break
        }
        'fieldpost;history' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;log' {
            [CompletionResult]::new('--site', '--site', [CompletionResultType]::ParameterName, 'Only lines about this other site')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'Only lines that matter so much')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only from then on: a day, a time, or how long ago, as 3h or 2d')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Only until then; a day is meant with its evening')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'Only this run')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'How many lines, the newest')
            [CompletionResult]::new('--last', '--last', [CompletionResultType]::ParameterName, 'How many lines, the newest')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;digest' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;verify' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;bundle' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('new', 'new', [CompletionResultType]::ParameterValue, 'Make the folder of a new bundle, with a bundle.toml that explains itself')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Look for slips in a bundle''s folder')
            [CompletionResult]::new('build', 'build', [CompletionResultType]::ParameterValue, 'Make and sign the file of a bundle; the same folder and key give the same bytes')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Let somebody''s key sign bundles for all sites, or list who may; at the main office')
            [CompletionResult]::new('publish', 'publish', [CompletionResultType]::ParameterValue, 'Publish a bundle to groups of sites; at the main office')
            [CompletionResult]::new('withdraw', 'withdraw', [CompletionResultType]::ParameterValue, 'Take the newest version of a published bundle back at every site; at the main office')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Say what installing would change here, and change nothing')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Install a bundle that was handed over, or a published one that was taken back here')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell which site has which version since when, what waits and why')
            [CompletionResult]::new('drift', 'drift', [CompletionResultType]::ParameterValue, 'List what was changed here of what bundles put')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Go back to the version before, here')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a bundle away here: what was there before it comes back')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;bundle;new' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;check' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;build' {
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The publisher''s private key as ssh-keygen makes it; without it the key of this site')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Where the file goes; without it the current folder')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;trust' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Who it is, for people; without it the comment in the file')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'Trust it no more; what it signed and is installed stays')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;publish' {
            [CompletionResult]::new('--group', '--group', [CompletionResultType]::ParameterName, 'A group of sites, in addition to those it is published for; may be given several times')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'The sites install it no earlier, by their own clocks: a day, or a day and a time')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--everyone', '--everyone', [CompletionResultType]::ParameterName, 'All sites, this one too')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;bundle;withdraw' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Also where something was changed since: changed files are kept beside as NAME.kept-VERSION; rows stay that were changed or that records refer to')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;plan' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;install' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;status' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;drift' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;rollback' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Also where something was changed since: changed files are kept beside as NAME.kept-VERSION; rows stay that were changed or that records refer to')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;remove' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Also where something was changed since: changed files are kept beside as NAME.kept-VERSION; rows stay that were changed or that records refer to')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;bundle;help' {
            [CompletionResult]::new('new', 'new', [CompletionResultType]::ParameterValue, 'Make the folder of a new bundle, with a bundle.toml that explains itself')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Look for slips in a bundle''s folder')
            [CompletionResult]::new('build', 'build', [CompletionResultType]::ParameterValue, 'Make and sign the file of a bundle; the same folder and key give the same bytes')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Let somebody''s key sign bundles for all sites, or list who may; at the main office')
            [CompletionResult]::new('publish', 'publish', [CompletionResultType]::ParameterValue, 'Publish a bundle to groups of sites; at the main office')
            [CompletionResult]::new('withdraw', 'withdraw', [CompletionResultType]::ParameterValue, 'Take the newest version of a published bundle back at every site; at the main office')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Say what installing would change here, and change nothing')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Install a bundle that was handed over, or a published one that was taken back here')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell which site has which version since when, what waits and why')
            [CompletionResult]::new('drift', 'drift', [CompletionResultType]::ParameterValue, 'List what was changed here of what bundles put')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Go back to the version before, here')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a bundle away here: what was there before it comes back')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;bundle;help;new' {
            break
        }
        'fieldpost;bundle;help;check' {
            break
        }
        'fieldpost;bundle;help;build' {
            break
        }
        'fieldpost;bundle;help;trust' {
            break
        }
        'fieldpost;bundle;help;publish' {
            break
        }
        'fieldpost;bundle;help;withdraw' {
            break
        }
        'fieldpost;bundle;help;plan' {
            break
        }
        'fieldpost;bundle;help;install' {
            break
        }
        'fieldpost;bundle;help;status' {
            break
        }
        'fieldpost;bundle;help;drift' {
            break
        }
        'fieldpost;bundle;help;rollback' {
            break
        }
        'fieldpost;bundle;help;remove' {
            break
        }
        'fieldpost;bundle;help;help' {
            break
        }
        'fieldpost;library' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('on', 'on', [CompletionResultType]::ParameterValue, 'Keep documents in this folder; it is made where it is not there, and marked')
            [CompletionResult]::new('drop', 'drop', [CompletionResultType]::ParameterValue, 'Give up the content of a document that does not come, because the only site that had it is lost')
            [CompletionResult]::new('off', 'off', [CompletionResultType]::ParameterValue, 'Keep no documents any more; at the main office: nowhere. Files stay where they are')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;library;on' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;library;drop' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;library;off' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;library;help' {
            [CompletionResult]::new('on', 'on', [CompletionResultType]::ParameterValue, 'Keep documents in this folder; it is made where it is not there, and marked')
            [CompletionResult]::new('drop', 'drop', [CompletionResultType]::ParameterValue, 'Give up the content of a document that does not come, because the only site that had it is lost')
            [CompletionResult]::new('off', 'off', [CompletionResultType]::ParameterValue, 'Keep no documents any more; at the main office: nowhere. Files stay where they are')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;library;help;on' {
            break
        }
        'fieldpost;library;help;drop' {
            break
        }
        'fieldpost;library;help;off' {
            break
        }
        'fieldpost;library;help;help' {
            break
        }
        'fieldpost;packet' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what is in a packet, as far as the keys of this site allow')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check signature, hashes and form; says nothing of the records')
            [CompletionResult]::new('open', 'open', [CompletionResultType]::ParameterValue, 'Unpack what is in a packet into a new folder')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;packet;show' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;packet;verify' {
            [CompletionResult]::new('--signers', '--signers', [CompletionResultType]::ParameterName, 'Who may have signed it, as for ''ssh-keygen -Y verify''; without it the sites this home knows')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;packet;open' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The folder to make')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;packet;help' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what is in a packet, as far as the keys of this site allow')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check signature, hashes and form; says nothing of the records')
            [CompletionResult]::new('open', 'open', [CompletionResultType]::ParameterValue, 'Unpack what is in a packet into a new folder')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;packet;help;show' {
            break
        }
        'fieldpost;packet;help;verify' {
            break
        }
        'fieldpost;packet;help;open' {
            break
        }
        'fieldpost;packet;help;help' {
            break
        }
        'fieldpost;exchange' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them: the same as without a word')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Try every operation that will be needed, with a small file that is taken away again')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Keep a name and a password for an exchange, where only you can read them')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;exchange;list' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;exchange;check' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--accept', '--accept', [CompletionResultType]::ParameterName, 'Use what is there from now on, where this site never used it; the main office makes an exchange of it where it is none, and of a place where one was before only if its address is typed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'fieldpost;exchange;login' {
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Who logs in, where the address does not say it')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--forget', '--forget', [CompletionResultType]::ParameterName, 'Forget what was kept')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;exchange;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them: the same as without a word')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Try every operation that will be needed, with a small file that is taken away again')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Keep a name and a password for an exchange, where only you can read them')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;exchange;help;list' {
            break
        }
        'fieldpost;exchange;help;check' {
            break
        }
        'fieldpost;exchange;help;login' {
            break
        }
        'fieldpost;exchange;help;help' {
            break
        }
        'fieldpost;recover' {
            [CompletionResult]::new('--neighbour', '--neighbour', [CompletionResultType]::ParameterName, 'Let the stream of this neighbour go on')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;detach' {
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'The database of a home that is lost, or a copy of one')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Detach although there are edits that no other site has, the database is lost, or this computer still runs the site')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;demo' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Make the sites in this new folder and keep them; without it they are gone in the end')
            [CompletionResult]::new('--only-database', '--only-database', [CompletionResultType]::ParameterName, 'Only make the customer database, as this new file, and play nothing')
            [CompletionResult]::new('--customers', '--customers', [CompletionResultType]::ParameterName, 'How many customers the database starts with')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'The folder of the site; without it the nearest one from the current folder upwards')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more; twice: everything')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing unless something failed or wants a person')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'fieldpost;help' {
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look at a database and say what to know and what to write into rules.toml')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Set up the main office on an existing database')
            [CompletionResult]::new('invite', 'invite', [CompletionResultType]::ParameterValue, 'Invite a new site; writes a file to hand over')
            [CompletionResult]::new('join', 'join', [CompletionResultType]::ParameterValue, 'Join with an invitation; makes this site''s keys and asks to be taken in')
            [CompletionResult]::new('sites', 'sites', [CompletionResultType]::ParameterValue, 'List all sites, change the groups of those invited here, and retire them')
            [CompletionResult]::new('sync', 'sync', [CompletionResultType]::ParameterValue, 'Collect, apply, send: everything, in one go')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Only send: what was edited here since the last time')
            [CompletionResult]::new('receive', 'receive', [CompletionResultType]::ParameterValue, 'Only receive: collect and apply what the others sent')
            [CompletionResult]::new('watch', 'watch', [CompletionResultType]::ParameterValue, 'Run rounds by itself: for packets, for edits, for documents, and by the clock')
            [CompletionResult]::new('service', 'service', [CompletionResultType]::ParameterValue, 'Make this computer run the site by itself, with what it has for that')
            [CompletionResult]::new('shortcut', 'shortcut', [CompletionResultType]::ParameterValue, 'Put an icon on the desktop that syncs with one click')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show what was sent, received, and is waiting or in conflict')
            [CompletionResult]::new('conflicts', 'conflicts', [CompletionResultType]::ParameterValue, 'List edits that lost against another edit, side by side, and settle them')
            [CompletionResult]::new('held', 'held', [CompletionResultType]::ParameterValue, 'List changes that could not be applied yet, and why')
            [CompletionResult]::new('records', 'records', [CompletionResultType]::ParameterValue, 'Show how records stand; take single ones out, put them back, send them')
            [CompletionResult]::new('rules', 'rules', [CompletionResultType]::ParameterValue, 'Check the rules, explain which one applies, or try others on past conflicts')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'See which version of the schema is where, what is in its way, and tell renames')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'Show who changed a record, when, and from what to what')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'Show what every run here did, and what went wrong')
            [CompletionResult]::new('digest', 'digest', [CompletionResultType]::ParameterValue, 'Print a content hash per table, the same wherever the data is the same')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Compare every record with what this site knows, and take up what was missed')
            [CompletionResult]::new('bundle', 'bundle', [CompletionResultType]::ParameterValue, 'Publish customizations: screens, templates, reports, lists, schema steps')
            [CompletionResult]::new('library', 'library', [CompletionResultType]::ParameterValue, 'The documents folder: what is in it, what is on its way, and what is not taken')
            [CompletionResult]::new('packet', 'packet', [CompletionResultType]::ParameterValue, 'Look into a packet')
            [CompletionResult]::new('exchange', 'exchange', [CompletionResultType]::ParameterValue, 'List the exchanges of this site, check them, and log in to them')
            [CompletionResult]::new('recover', 'recover', [CompletionResultType]::ParameterValue, 'Bring a restored database forward, or let a stopped stream go on')
            [CompletionResult]::new('detach', 'detach', [CompletionResultType]::ParameterValue, 'Take every trace of Fieldpost out of the database')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Play a day of a main office, an office and two people, and show what happens')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'fieldpost;help;doctor' {
            break
        }
        'fieldpost;help;init' {
            break
        }
        'fieldpost;help;invite' {
            break
        }
        'fieldpost;help;join' {
            break
        }
        'fieldpost;help;sites' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them: the same as without a word')
            [CompletionResult]::new('groups', 'groups', [CompletionResultType]::ParameterValue, 'Put a site into groups, and take it out of others')
            [CompletionResult]::new('retire', 'retire', [CompletionResultType]::ParameterValue, 'End a site for good: a computer that was lost, a colleague who left')
            break
        }
        'fieldpost;help;sites;list' {
            break
        }
        'fieldpost;help;sites;groups' {
            break
        }
        'fieldpost;help;sites;retire' {
            break
        }
        'fieldpost;help;sync' {
            break
        }
        'fieldpost;help;send' {
            break
        }
        'fieldpost;help;receive' {
            break
        }
        'fieldpost;help;watch' {
            break
        }
        'fieldpost;help;service' {
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Show what would be written and run, ask, and do it')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Stop it, and take out what is ours')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show exactly what would be written and run, and whether it is installed now')
            break
        }
        'fieldpost;help;service;install' {
            break
        }
        'fieldpost;help;service;remove' {
            break
        }
        'fieldpost;help;service;show' {
            break
        }
        'fieldpost;help;shortcut' {
            break
        }
        'fieldpost;help;status' {
            break
        }
        'fieldpost;help;conflicts' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them, newest first: the same as without a word')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show conflicts side by side: what was before, what stands, what lost, what is there now')
            [CompletionResult]::new('resolve', 'resolve', [CompletionResultType]::ParameterValue, 'Settle conflicts: keep what stands, take what lost, or set another value')
            break
        }
        'fieldpost;help;conflicts;list' {
            break
        }
        'fieldpost;help;conflicts;show' {
            break
        }
        'fieldpost;help;conflicts;resolve' {
            break
        }
        'fieldpost;help;held' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them, oldest first: the same as without a word')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show a held change: its values, why it waits, how often it was tried, and when it is tried again')
            [CompletionResult]::new('retry', 'retry', [CompletionResultType]::ParameterValue, 'Try every held change again now')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Change values of a held change of a child, and try it again')
            [CompletionResult]::new('drop', 'drop', [CompletionResultType]::ParameterValue, 'Let go of a held change of a child: it is listed with its values, and the child is told why')
            break
        }
        'fieldpost;help;held;list' {
            break
        }
        'fieldpost;help;held;show' {
            break
        }
        'fieldpost;help;held;retry' {
            break
        }
        'fieldpost;help;held;edit' {
            break
        }
        'fieldpost;help;held;drop' {
            break
        }
        'fieldpost;help;records' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show how records stand: the same as without a word')
            [CompletionResult]::new('deactivate', 'deactivate', [CompletionResultType]::ParameterValue, 'Take a record out of the exchange: nobody is told of it, and what comes for it is held')
            [CompletionResult]::new('activate', 'activate', [CompletionResultType]::ParameterValue, 'Put a record back: what came meanwhile is decided now, and what was edited travels')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Let records of a table that is sent by hand go with the next ''fieldpost sync''')
            break
        }
        'fieldpost;help;records;list' {
            break
        }
        'fieldpost;help;records;deactivate' {
            break
        }
        'fieldpost;help;records;activate' {
            break
        }
        'fieldpost;help;records;send' {
            break
        }
        'fieldpost;help;rules' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Look for slips: names that are not there, SQL that does not run, criteria that never decide')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell which rules apply to a table or a field, and where they stand')
            [CompletionResult]::new('try', 'try', [CompletionResultType]::ParameterValue, 'Replay the conflicts that were decided here under changed rules, and show what would come out differently')
            break
        }
        'fieldpost;help;rules;check' {
            break
        }
        'fieldpost;help;rules;explain' {
            break
        }
        'fieldpost;help;rules;try' {
            break
        }
        'fieldpost;help;schema' {
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell which version is here, which one every child was told and has, what is refused and what waits')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Show what is not alike: here and at the parent, or what children have not confirmed yet')
            [CompletionResult]::new('log', 'log', [CompletionResultType]::ParameterValue, 'Show the versions that were, and what each of them changed')
            [CompletionResult]::new('hint', 'hint', [CompletionResultType]::ParameterValue, 'Tell whether a column that came is one that went, under another name')
            break
        }
        'fieldpost;help;schema;status' {
            break
        }
        'fieldpost;help;schema;diff' {
            break
        }
        'fieldpost;help;schema;log' {
            break
        }
        'fieldpost;help;schema;hint' {
            break
        }
        'fieldpost;help;history' {
            break
        }
        'fieldpost;help;log' {
            break
        }
        'fieldpost;help;digest' {
            break
        }
        'fieldpost;help;verify' {
            break
        }
        'fieldpost;help;bundle' {
            [CompletionResult]::new('new', 'new', [CompletionResultType]::ParameterValue, 'Make the folder of a new bundle, with a bundle.toml that explains itself')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Look for slips in a bundle''s folder')
            [CompletionResult]::new('build', 'build', [CompletionResultType]::ParameterValue, 'Make and sign the file of a bundle; the same folder and key give the same bytes')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Let somebody''s key sign bundles for all sites, or list who may; at the main office')
            [CompletionResult]::new('publish', 'publish', [CompletionResultType]::ParameterValue, 'Publish a bundle to groups of sites; at the main office')
            [CompletionResult]::new('withdraw', 'withdraw', [CompletionResultType]::ParameterValue, 'Take the newest version of a published bundle back at every site; at the main office')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Say what installing would change here, and change nothing')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Install a bundle that was handed over, or a published one that was taken back here')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell which site has which version since when, what waits and why')
            [CompletionResult]::new('drift', 'drift', [CompletionResultType]::ParameterValue, 'List what was changed here of what bundles put')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Go back to the version before, here')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a bundle away here: what was there before it comes back')
            break
        }
        'fieldpost;help;bundle;new' {
            break
        }
        'fieldpost;help;bundle;check' {
            break
        }
        'fieldpost;help;bundle;build' {
            break
        }
        'fieldpost;help;bundle;trust' {
            break
        }
        'fieldpost;help;bundle;publish' {
            break
        }
        'fieldpost;help;bundle;withdraw' {
            break
        }
        'fieldpost;help;bundle;plan' {
            break
        }
        'fieldpost;help;bundle;install' {
            break
        }
        'fieldpost;help;bundle;status' {
            break
        }
        'fieldpost;help;bundle;drift' {
            break
        }
        'fieldpost;help;bundle;rollback' {
            break
        }
        'fieldpost;help;bundle;remove' {
            break
        }
        'fieldpost;help;library' {
            [CompletionResult]::new('on', 'on', [CompletionResultType]::ParameterValue, 'Keep documents in this folder; it is made where it is not there, and marked')
            [CompletionResult]::new('drop', 'drop', [CompletionResultType]::ParameterValue, 'Give up the content of a document that does not come, because the only site that had it is lost')
            [CompletionResult]::new('off', 'off', [CompletionResultType]::ParameterValue, 'Keep no documents any more; at the main office: nowhere. Files stay where they are')
            break
        }
        'fieldpost;help;library;on' {
            break
        }
        'fieldpost;help;library;drop' {
            break
        }
        'fieldpost;help;library;off' {
            break
        }
        'fieldpost;help;packet' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what is in a packet, as far as the keys of this site allow')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check signature, hashes and form; says nothing of the records')
            [CompletionResult]::new('open', 'open', [CompletionResultType]::ParameterValue, 'Unpack what is in a packet into a new folder')
            break
        }
        'fieldpost;help;packet;show' {
            break
        }
        'fieldpost;help;packet;verify' {
            break
        }
        'fieldpost;help;packet;open' {
            break
        }
        'fieldpost;help;exchange' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List them: the same as without a word')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Try every operation that will be needed, with a small file that is taken away again')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Keep a name and a password for an exchange, where only you can read them')
            break
        }
        'fieldpost;help;exchange;list' {
            break
        }
        'fieldpost;help;exchange;check' {
            break
        }
        'fieldpost;help;exchange;login' {
            break
        }
        'fieldpost;help;recover' {
            break
        }
        'fieldpost;help;detach' {
            break
        }
        'fieldpost;help;demo' {
            break
        }
        'fieldpost;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
