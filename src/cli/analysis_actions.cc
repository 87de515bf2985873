#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "manifest/argo/analysis_spec.h"
#include "manifest/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

// AnalysisRuns and Experiments by hand.

namespace serin::cli {

namespace {

Result<std::map<std::string, std::string>> read_arguments(const std::vector<std::string>& words) {
    std::map<std::string, std::string> read;
    for (const std::string& word : words) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(ErrorKind::invalid, fmt::format("'{}' is not NAME=VALUE", word));
        if (!read.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
            return fail(
                ErrorKind::invalid,
                fmt::format("argument '{}' is given twice", word.substr(0, equals)));
        }
    }
    return read;
}

bool declares(const json::Object& spec, const std::string& name) {
    const json::Array* arguments = json::array(spec.if_contains("args"));
    return arguments != nullptr && std::ranges::any_of(*arguments, [&](const json::Value& one) {
               return json::text(json::find(one, "/name")) == name;
           });
}

// The only template in the file, whole.
Result<Object> read_template(const std::string& path, const std::string& ns) {
    manifest::FolderRead read = manifest::read_folders({path}, ns);
    for (const Diagnostic& diagnostic : read.diagnostics)
        fmt::print(stderr, "{}\n", to_string(diagnostic));
    if (has_errors(read.diagnostics))
        return fail(ErrorKind::invalid, fmt::format("{} cannot be used", path));
    std::erase_if(read.documents, [](const Document& document) {
        const ResourceType* type = Object(document.root.get_object()).type();
        return type != &types::analysis_template() && type != &types::cluster_analysis_template();
    });
    if (read.documents.size() != 1) {
        return fail(
            ErrorKind::invalid,
            fmt::format("{} has {} analysis templates, not one", path, read.documents.size()));
    }
    return Object(read.documents.front().root.get_object());
}

Result<Object> make_run(Api& api, const CreateRunOptions& options) {
    argo::TemplateName name{.name = options.from, .is_cluster_scoped = options.is_global};
    std::optional<Object> given;
    if (!options.from_file.empty()) {
        SERIN_TRY(given, read_template(options.from_file, api.ns()));
        name = {
            .name = std::string(given->name()),
            .is_cluster_scoped = given->type() == &types::cluster_analysis_template()};
    }
    const auto find = [&](const argo::TemplateName& wanted) -> Result<Object> {
        if (given && wanted.name == name.name && wanted.is_cluster_scoped == name.is_cluster_scoped)
            return *given;
        return wanted.is_cluster_scoped
                   ? api.get({.type = &types::cluster_analysis_template(), .name = wanted.name})
                   : api.get(types::analysis_template(), wanted.name);
    };
    SERIN_TRY(const auto values, read_arguments(options.arguments));
    json::Array arguments;
    for (const auto& [argument, value] : values)
        arguments.push_back(json::Object{{"name", argument}, {"value", value}});
    const json::Object analysis{
        {"templates",
         json::Array{
             json::Object{{"templateName", name.name}, {"clusterScope", name.is_cluster_scoped}}}}};
    SERIN_TRY(json::Object spec, argo::analysis_run_spec(analysis, arguments, find));
    for (const auto& [argument, value] : values) {
        if (declares(spec, argument)) continue;
        return fail(
            ErrorKind::invalid,
            fmt::format("template '{}' has no argument '{}'", name.name, argument));
    }

    Object run(types::analysis_run(), api.ns(), options.name);
    if (options.name.empty()) {
        run.erase("/metadata/name");
        run.put(
            "/metadata/generateName",
            json::string(options.generate_name.empty() ? name.name + "-" : options.generate_name));
    }
    if (!options.instance_id.empty())
        run.set_label("argo-rollouts.argoproj.io/controller-instance-id", options.instance_id);
    run.put("/spec", std::move(spec));
    return run;
}

void print_created(const Object& object, Format format) {
    if (format == Format::json || format == Format::yaml) {
        print_document(object.document(), format);
    } else {
        fmt::print(
            "{}.{}/{} created\n", object.type()->singular, object.type()->group, object.name());
    }
}

}  // namespace

int run_create_run(Api& api, const CreateRunOptions& options) {
    if (options.from.empty() == options.from_file.empty())
        return report({ErrorKind::invalid, "one of --from and --from-file is required"});
    const auto run = make_run(api, options);
    if (!run) return report(run.error());
    const auto created = api.create(*run);
    if (!created) return report(created.error());
    print_created(*created, options.format);
    return exit_ok;
}

int run_terminate(
    Api& api, const std::string& type_name, const std::vector<std::string>& names, Format format) {
    const ResourceType* type = find_type(type_name);
    if (type != &types::analysis_run() && type != &types::experiment()) {
        return report(
            {ErrorKind::invalid,
             fmt::format("'{}' cannot be terminated: analysisrun or experiment can", type_name)});
    }
    const json::Value patch = json::Object{{"spec", json::Object{{"terminate", true}}}};
    int code = exit_ok;
    for (const std::string& name : names) {
        const auto after = api.merge_patch(*type, name, patch);
        if (!after) {
            code = report(after.error());
        } else if (format == Format::json || format == Format::yaml) {
            print_document(after->document(), format);
        } else {
            fmt::print(
                "{} '{}' terminated\n",
                type == &types::experiment() ? "experiment" : "analysisRun",
                name);
        }
    }
    return code;
}

}  // namespace serin::cli
