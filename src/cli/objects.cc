#include "cli/apply.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/experiment_view.h"
#include "cli/lint_notice.h"
#include "cli/rollout_view.h"
#include "cli/table.h"
#include "manifest/folder.h"
#include "manifest/references.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::cli {

namespace {

class ApiTarget : public ApplyTarget {
public:
    explicit ApiTarget(Api& api) : api_(api) {}
    Result<Object> get(const ObjectKey& key) override { return api_.get(key); }
    Result<Object> create(const Object& object) override { return api_.create(object); }
    Result<Object> merge_patch(const ObjectKey& key, const json::Value& patch) override {
        return api_.merge_patch(key, patch);
    }

private:
    Api& api_;
};

Result<const ResourceType*> type_named(const std::string& name) {
    if (const ResourceType* type = find_type(name)) return type;
    return fail(
        ErrorKind::invalid, fmt::format("the server does not have a resource type \"{}\"", name));
}

std::string qualified_name(const Object& object) {
    const ResourceType* type = object.type();
    if (type == nullptr) return std::string(object.name());
    return type->group.empty()
               ? fmt::format("{}/{}", type->singular, object.name())
               : fmt::format("{}.{}/{}", type->singular, type->group, object.name());
}

std::string rollout_step(const Object& rollout) {
    const std::string step = step_text(rollout);
    return step.empty() ? "-" : step;
}

// The columns of `get` for one type; all have a name and an age.
Table table_of(
    const ResourceType& type, const std::vector<Object>& objects, bool with_ns, Instant now) {
    Table table;
    const bool is_rollout = &type == &types::rollout();
    const bool is_experiment = &type == &types::experiment();
    const bool has_phase =
        is_experiment || &type == &types::pod() || &type == &types::analysis_run();
    if (is_rollout) {
        table.header = {
            "NAME",
            "STRATEGY",
            "STATUS",
            "STEP",
            "SET-WEIGHT",
            "READY",
            "DESIRED",
            "UP-TO-DATE",
            "AVAILABLE"};
    } else if (is_experiment) {
        table.header = {"NAME", "STATUS", "DURATION", "REMAINING", "AGE"};
    } else if (has_phase) {
        table.header = {"NAME", "STATUS", "AGE"};
    } else {
        table.header = {"NAME", "AGE"};
    }
    for (const Object& object : objects) {
        const std::string age = object.created() ? format_age(now - *object.created()) : "";
        std::vector<std::string> row = {std::string(object.name())};
        if (is_rollout) {
            row.insert(
                row.end(),
                {is_blue_green(object) ? "BlueGreen" : "Canary",
                 phase_of(object).phase,
                 rollout_step(object),
                 is_blue_green(object) ? "-" : std::to_string(set_weight(object)),
                 fmt::format(
                     "{}/{}",
                     object.integer("/status/readyReplicas"),
                     object.integer("/status/replicas")),
                 std::to_string(object.integer("/spec/replicas", 1)),
                 std::to_string(object.integer("/status/updatedReplicas")),
                 std::to_string(object.integer("/status/availableReplicas"))});
        } else {
            if (has_phase) {
                row.push_back(
                    &type == &types::pod() ? pod_status(object)
                                           : std::string(object.text("/status/phase", "Pending")));
            }
            if (is_experiment) {
                const auto or_dash = [](std::string text) {
                    return text.empty() ? "-" : std::move(text);
                };
                row.push_back(or_dash(experiment_duration(object)));
                row.push_back(or_dash(experiment_remaining(object, now)));
            }
            row.push_back(age);
        }
        if (with_ns) row.insert(row.begin(), std::string(object.ns()));
        table.rows.push_back(std::move(row));
    }
    if (with_ns) table.header.insert(table.header.begin(), "NAMESPACE");
    return table;
}

json::Value list_document(const std::vector<Object>& objects) {
    json::Array items;
    for (const Object& object : objects) items.emplace_back(object.document());
    return json::Object{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

Result<> print_objects(Api& api, const ResourceType& type, const GetOptions& options) {
    std::vector<Object> objects;
    if (options.name.empty()) {
        SERIN_TRY(objects, api.list(type, options.selector, options.all_namespaces));
    } else {
        SERIN_TRY(Object one, api.get(type, options.name));
        objects.push_back(std::move(one));
    }
    if (options.format == Format::json || options.format == Format::yaml) {
        print_document(
            options.name.empty() ? list_document(objects) : json::Value(objects[0].document()),
            options.format);
    } else if (options.format == Format::name) {
        for (const Object& object : objects) fmt::print("{}\n", qualified_name(object));
    } else if (objects.empty()) {
        fmt::print(stderr, "No resources found.\n");
    } else {
        fmt::print("{}", to_text(table_of(type, objects, options.all_namespaces, api.now())));
    }
    std::fflush(stdout);
    return {};
}

void print_diagnostics(const std::vector<Diagnostic>& diagnostics) {
    for (const Diagnostic& one : diagnostics) fmt::print(stderr, "{}\n", to_string(one));
}

}  // namespace

int run_get(Api& api, const GetOptions& options) {
    const auto type = type_named(options.type);
    if (!type) return report(type.error());
    if (*type == &types::rollout() && !options.name.empty() && options.format == Format::text) {
        return run_get_rollout(api, options.name, options.watches);
    }
    if (*type == &types::experiment() && !options.name.empty() && options.format == Format::text) {
        return run_get_experiment(api, options.name, options.watches);
    }
    if (!options.watches) {
        const auto printed = print_objects(api, **type, options);
        return printed ? exit_ok : report(printed.error());
    }
    const auto watched = api.watch({*type}, std::nullopt, [&]() -> Result<bool> {
        SERIN_TRY_DO(print_objects(api, **type, options));
        return false;
    });
    return watched ? exit_ok : report(watched.error());
}

int run_describe(Api& api, const std::string& type_name, const std::string& name, Format format) {
    const auto type = type_named(type_name);
    if (!type) return report(type.error());
    const auto object = api.get(**type, name);
    if (!object) return report(object.error());

    json::Object document = object->document();
    json::erase(document, "/metadata/managedFields");
    json::erase(
        document, "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration");
    if (*type == &types::secret()) {
        // Values of Secrets are for the processes that use them, not for screens.
        for (const char* part : {"data", "stringData"}) {
            json::Value* values = document.if_contains(part);
            if (values == nullptr || !values->is_object()) continue;
            for (auto& member : values->get_object()) {
                const auto text = json::text(&member.value()).value_or("");
                member.value() = json::string(fmt::format("<{} characters>", text.size()));
            }
        }
    }
    if (format == Format::json || format == Format::yaml) {
        print_document(document, format);
        return exit_ok;
    }
    fmt::print("{}", json::print_yaml(document));
    fmt::print("\nEvents:\n");
    std::fflush(stdout);
    return run_events(api, std::string((*type)->kind) + "/" + name, false, Format::text);
}

int run_delete(
    Api& api,
    const std::string& type_name,
    const std::vector<std::string>& names,
    bool orphans,
    Format format) {
    const auto type = type_named(type_name);
    if (!type) return report(type.error());
    int code = exit_ok;
    const bool is_text = format != Format::json && format != Format::yaml;
    json::Array results;
    for (const std::string& name : names) {
        const auto removed = api.remove(**type, name, orphans);
        if (!removed) {
            code = report(removed.error());
            continue;
        }
        if (is_text) fmt::print("{} \"{}\" deleted\n", (*type)->singular, name);
        results.push_back(json::Object{{"object", json::string(name)}, {"result", "deleted"}});
    }
    if (!is_text) print_document(results, format);
    return code;
}

int run_apply(Api& api, const std::vector<std::string>& paths, bool dry_run, Format format) {
    manifest::FolderRead read = manifest::read_folders(paths, api.ns());
    const auto lookup = [&](const ObjectKey& key) -> std::optional<Object> {
        auto found = api.get(key);
        return found ? std::optional(std::move(*found)) : std::nullopt;
    };
    std::ranges::move(
        manifest::check_references(read.documents, lookup), std::back_inserter(read.diagnostics));
    print_diagnostics(read.diagnostics);
    if (has_errors(read.diagnostics)) {
        fmt::print(stderr, "Error: nothing was applied\n");
        return exit_error;
    }

    if (const std::string notice = lint_notice(read.documents, paths); !notice.empty()) {
        fmt::print(stderr, "{}\n", notice);
    }
    ApiTarget target(api);
    json::Array results;
    for (const Document& document : read.documents) {
        const Object object(document.root.get_object());
        if (object.type() == nullptr) continue;  // Left out, as its diagnostic says.
        std::string outcome = "valid (dry run)";
        if (!dry_run) {
            const auto applied = apply(target, object, api.ns());
            if (!applied) return report(Error(applied.error()).within(qualified_name(object)));
            outcome = to_string(*applied);
        }
        if (format == Format::text) fmt::print("{} {}\n", qualified_name(object), outcome);
        results.push_back(json::Object{
            {"object", json::string(qualified_name(object))}, {"result", json::string(outcome)}});
    }
    if (format == Format::json || format == Format::yaml) print_document(results, format);
    return exit_ok;
}

}  // namespace serin::cli
