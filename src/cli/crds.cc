#include "cli/crds.h"

#include "cli/exit_codes.h"
#include "manifest/crd.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::cli {

int run_crds(const std::vector<std::string>& kinds) {
    const auto all = manifest::custom_types();
    std::vector<const ResourceType*> wanted = kinds.empty() ? all : decltype(all)();
    for (const std::string& kind : kinds) {
        const ResourceType* type = find_type(kind);
        if (std::ranges::find(all, type) == all.end()) {
            return report(Error{
                ErrorKind::invalid,
                fmt::format("{}: not a kind that Serin brings to a cluster", kind)});
        }
        wanted.push_back(type);
    }
    std::string separator;
    for (const ResourceType* type : wanted) {
        fmt::print("{}{}", separator, json::print_yaml(manifest::crd_of(*type)));
        separator = "---\n";
    }
    return exit_ok;
}

}  // namespace serin::cli
