#include "cli/commands.h"
#include "cli/exit_codes.h"

#include <fmt/format.h>

namespace serin::cli {

namespace {

constexpr std::string_view words =
    "up down apply get list describe delete status promote abort retry undo pause restart set "
    "create "
    "terminate logs "
    "events evidence lint judge plan convert rehearse sim controller crds completion version help";

// The scripts ask `serin get TYPE -o name` for names, so they complete what really exists.
constexpr std::string_view bash_script =
    R"sh(# bash completion for serin: source <(serin completion bash)
_serin() {
    local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]:-}
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "@WORDS@" -- "$current"))
        return
    fi
    local words=""
    case $command in
        get|describe|delete|list)
            if ((COMP_CWORD == 2)); then
                words="@TYPES@"
            else
                words=$(serin get "${COMP_WORDS[2]}" -o name 2>/dev/null | sed 's|.*/||')
            fi ;;
        status|promote|abort|retry|undo|pause|restart)
            words=$(serin get rollouts -o name 2>/dev/null | sed 's|.*/||') ;;
        set)
            if ((COMP_CWORD == 2)); then words=image
            else words=$(serin get rollouts -o name 2>/dev/null | sed 's|.*/||'); fi ;;
        create) words=analysisrun ;;
        terminate)
            if ((COMP_CWORD == 2)); then words="analysisrun experiment"
            else words=$(serin get "${COMP_WORDS[2]}" -o name 2>/dev/null | sed 's|.*/||'); fi ;;
        evidence)
            if ((COMP_CWORD == 2)); then words=show
            else words=$(serin get rollouts -o name 2>/dev/null | sed 's|.*/||'); fi ;;
        logs) words=$(serin get pods -o name 2>/dev/null | sed 's|.*/||') ;;
        completion) words="bash zsh fish" ;;
        plan)
            if ((COMP_CWORD == 2)); then words=show
            else
                COMPREPLY=($(compgen -f -- "$current"))
                return
            fi ;;
        apply|up|lint|convert|rehearse)
            COMPREPLY=($(compgen -f -- "$current"))
            return ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _serin serin
)sh";

constexpr std::string_view fish_script =
    R"sh(# fish completion for serin: serin completion fish | source
complete -c serin -f
complete -c serin -n __fish_use_subcommand -a "@WORDS@"
complete -c serin -n "__fish_seen_subcommand_from status promote abort retry undo pause restart" -a "(serin get rollouts -o name 2>/dev/null | string replace -r '.*/' '')"
complete -c serin -n "__fish_seen_subcommand_from get list describe delete" -a "@TYPES@"
complete -c serin -n "__fish_seen_subcommand_from logs" -a "(serin get pods -o name 2>/dev/null | string replace -r '.*/' '')"
complete -c serin -n "__fish_seen_subcommand_from create" -a analysisrun
complete -c serin -n "__fish_seen_subcommand_from terminate" -a "analysisrun experiment"
complete -c serin -n "__fish_seen_subcommand_from completion" -a "bash zsh fish"
complete -c serin -n "__fish_seen_subcommand_from apply up" -F
)sh";

std::string type_words() {
    std::string text;
    for (const ResourceType& type : resource_types()) {
        if (!text.empty()) text += ' ';
        text += type.plural;
    }
    return text;
}

std::string filled(std::string text) {
    for (const auto& [mark, value] :
         {std::pair<std::string_view, std::string>("@WORDS@", words), {"@TYPES@", type_words()}}) {
        for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
            text.replace(at, mark.size(), value);
            at += value.size();
        }
    }
    return text;
}

}  // namespace

int run_completion(const std::string& shell) {
    if (shell == "bash") {
        fmt::print("{}", filled(std::string(bash_script)));
    } else if (shell == "zsh") {
        fmt::print(
            "#compdef serin\nautoload -U +X bashcompinit && bashcompinit\n{}",
            filled(std::string(bash_script)));
    } else if (shell == "fish") {
        fmt::print("{}", filled(std::string(fish_script)));
    } else {
        return report(
            {ErrorKind::invalid, fmt::format("no completion for '{}': bash, zsh or fish", shell)});
    }
    return exit_ok;
}

}  // namespace serin::cli
