#include "cli/adopt.h"

#include "cli/adopt_plan.h"
#include "cli/controllers.h"
#include "cli/exit_codes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace serin::cli {

namespace {

int report_adoption(const Error& error) {
    report(error);
    return exit_adopt_error;
}

CopiedStore::Source source_of(Api& api) {
    return {
        .list = [&api](const ResourceType& type, const std::string& ns)
            -> Result<std::vector<Object>> { return list_in(api, type, ns); },
        .get = [&api](const ObjectKey& key) { return api.get(key); }};
}

json::Array to_json(const std::vector<Foreseen::Change>& changes) {
    json::Array array;
    for (const Foreseen::Change& one : changes) {
        array.emplace_back(json::Object{
            {"object", json::string(one.object)},
            {"path", json::string(one.path)},
            {"from", json::string(one.from)},
            {"to", json::string(one.to)}});
    }
    return array;
}

json::Object to_json(const Foreseen& foreseen) {
    json::Array warnings;
    for (const std::string& one : foreseen.warnings) warnings.emplace_back(json::string(one));
    return {
        {"namespace", json::string(foreseen.ns)},
        {"name", json::string(foreseen.name)},
        {"phase", json::string(foreseen.phase)},
        {"clean", foreseen.is_clean()},
        {"changes", to_json(foreseen.changes)},
        {"notes", to_json(foreseen.notes)},
        {"problem", json::string(foreseen.problem)},
        {"warnings", std::move(warnings)}};
}

void print_change(const Foreseen::Change& one) {
    if (one.path.empty()) {
        fmt::print("  {}: {}\n", one.object, one.to);
    } else {
        fmt::print(
            "  {}: {} {} -> {}\n",
            one.object,
            one.path,
            one.from.empty() ? "(none)" : one.from,
            one.to.empty() ? "(none)" : one.to);
    }
}

void print_plan(const std::vector<Foreseen>& plan) {
    for (const Foreseen& one : plan) {
        const std::string changes =
            one.changes.empty() ? "nothing changes" : fmt::format("{} changes", one.changes.size());
        fmt::print(
            "{}/{} {}: {}\n",
            one.ns,
            one.name,
            one.phase.empty() ? "(no phase)" : one.phase,
            one.problem.empty() ? changes : "refused: " + one.problem);
        for (const Foreseen::Change& change : one.changes) print_change(change);
        for (const Foreseen::Change& note : one.notes) print_change(note);
        for (const std::string& warning : one.warnings) fmt::print("  warning: {}\n", warning);
    }
}

bool is_clean(const std::vector<Foreseen>& plan) {
    return std::ranges::all_of(plan, [](const Foreseen& one) { return one.is_clean(); });
}

Result<std::vector<Foreseen>> make_plan(Api& api, const std::vector<Object>& rollouts) {
    CopiedStore store(source_of(api), api.now());
    std::vector<Foreseen> plan;
    for (const Object& rollout : rollouts) plan.push_back(foresee(store, rollout, api.now()));
    return plan;
}

int show_plan(
    Api& api, const AdoptOptions& options, const std::vector<Foreseen>& plan, bool is_clean) {
    const auto running = running_argo(api);
    std::vector<std::string> warnings;
    if (!running) {
        warnings.push_back("cannot see whether Argo's controller runs: " + running.error().message);
    } else {
        for (const ObjectKey& one : *running) {
            warnings.push_back(fmt::format(
                "Argo's controller runs (deployment {}/{}): before Serin's starts, {}",
                one.ns,
                one.name,
                scale_command(one, 0)));
        }
    }
    if (options.format == Format::json || options.format == Format::yaml) {
        json::Array rollouts;
        for (const Foreseen& one : plan) rollouts.emplace_back(to_json(one));
        json::Array told;
        for (const std::string& one : warnings) told.emplace_back(json::string(one));
        print_document(
            json::Object{
                {"clean", is_clean},
                {"rollouts", std::move(rollouts)},
                {"warnings", std::move(told)}},
            options.format);
    } else {
        print_plan(plan);
        for (const std::string& one : warnings) fmt::print(stderr, "Warning: {}\n", one);
    }
    return is_clean ? exit_adopt_clean : exit_adopt_moves;
}

int next_step(const std::string& what, const std::string& command) {
    fmt::print("{}\nNext: {}\n", what, command);
    return exit_adopt_moves;
}

}  // namespace

int run_adopt(Api& api, const AdoptOptions& options) {
    const auto rollouts = list_rollouts(api, options.names, options.all_namespaces);
    if (!rollouts) return report_adoption(rollouts.error());
    const auto plan = make_plan(api, *rollouts);
    if (!plan) return report_adoption(plan.error());
    const bool clean = is_clean(*plan);
    if (options.is_plan) return show_plan(api, options, *plan, clean);

    if (!clean) {
        print_plan(*plan);
        if (!options.is_forced) {
            return next_step(
                "1. Something would change (above).",
                "make it good, or say --force if that is what you want");
        }
    }
    fmt::print(
        "1. {} Rollouts: {}\n",
        plan->size(),
        clean ? "nothing would change" : "the changes above are wanted (--force)");
    const auto running = running_argo(api);
    if (!running) return report_adoption(running.error());
    if (!running->empty()) {
        const ObjectKey& one = running->front();
        return next_step(
            fmt::format("2. Argo's controller runs: deployment {}/{}.", one.ns, one.name),
            scale_command(one, 0));
    }
    fmt::print("2. Argo's controller does not run.\n");
    const auto leader = find_leader(api);
    if (!leader) return report_adoption(leader.error());
    if (!*leader) {
        return next_step("3. No controller of Serin leads.", "kubectl apply -k deploy/");
    }
    fmt::print("3. Serin's controller leads: {}. The Rollouts are Serin's.\n", **leader);
    return exit_adopt_clean;
}

}  // namespace serin::cli
