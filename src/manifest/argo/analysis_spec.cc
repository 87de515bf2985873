#include "manifest/argo/analysis_spec.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace serin::argo {

namespace {

std::string member_text(const json::Object& object, std::string_view name) {
    return std::string(json::text(object.if_contains(name)).value_or(""));
}

const json::Array& member_list(const json::Object& object, std::string_view name) {
    static const json::Array none;
    const json::Array* list = json::array(object.if_contains(name));
    return list ? *list : none;
}

bool is_given(const json::Object& argument, std::string_view name) {
    const json::Value* value = argument.if_contains(name);
    return value && !value->is_null();
}

bool has_value(const json::Object& argument) {
    return is_given(argument, "value") || is_given(argument, "valueFrom");
}

// Go splits the path at these; subscripts may be quoted.
std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts;
    std::string part;
    char quote = 0;
    const auto end_part = [&] {
        if (!part.empty()) parts.push_back(std::move(part));
        part.clear();
    };
    for (const char c : path) {
        if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else {
                part += c;
            }
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '.' || c == '[' || c == ']') {
            end_part();
        } else {
            part += c;
        }
    }
    end_part();
    return parts;
}

std::string as_text(const json::Value& value) {
    const auto text = json::text(&value);
    return text ? std::string(*text) : json::print(value);
}

Result<std::string> metadata_text(const Object& rollout, std::string_view path) {
    const std::vector<std::string> parts = split_path(path);
    if (parts.size() == 2) {
        for (const std::string_view name : {"name", "namespace", "uid"}) {
            if (parts[1] == name) {
                return std::string(rollout.text("/metadata/" + json::escape_pointer(name)));
            }
        }
    }
    const bool is_map = parts.size() >= 3 && (parts[1] == "labels" || parts[1] == "annotations");
    if (!is_map) {
        return fail(ErrorKind::invalid, fmt::format("unsupported fieldPath: {}", path));
    }
    std::string key = parts[2];  // Dots in an unquoted key split it.
    for (std::size_t i = 3; i < parts.size(); ++i) key += "." + parts[i];
    const auto value = parts[1] == "labels" ? rollout.label(key) : rollout.annotation(key);
    return std::string(value.value_or(""));
}

Result<std::string> argument_text(
    const json::Object& from, const Object& rollout, const RevisionHashes& hashes) {
    const std::string hash = member_text(from, "podTemplateHashValue");
    if (hash == "Stable") return hashes.stable;
    if (hash == "Latest") return hashes.latest;
    if (!hash.empty()) {
        return fail(
            ErrorKind::invalid,
            fmt::format("podTemplateHashValue is Stable or Latest, not {}", hash));
    }
    if (const auto path = json::text(json::find(from, "/fieldRef/fieldPath"))) {
        return field_text(rollout, *path);
    }
    return fail(ErrorKind::invalid, "valueFrom names no source");
}

// Gathers what the templates say, each template once.
class Composer {
public:
    explicit Composer(const FindTemplate& find) : find_(find) {}

    Result<> add(const json::Array& names) {
        SERIN_TRY_DO(gather(names));
        // Namespaced templates come first, whatever the order they were named in.
        for (const Object& one : namespaced_) SERIN_TRY_DO(merge(one));
        for (const Object& one : cluster_scoped_) SERIN_TRY_DO(merge(one));
        return {};
    }

    Result<> override_arguments(const json::Array& arguments) {
        for (json::Value& declared : arguments_) {
            for (const json::Value& given : arguments) {
                const json::Object* one = json::object(&given);
                if (!one || !has_value(*one)) continue;
                const json::Object& old = declared.get_object();
                if (member_text(*one, "name") == member_text(old, "name")) declared = *one;
            }
            const json::Object& settled = declared.get_object();
            if (!has_value(settled)) {
                return fail(
                    ErrorKind::invalid,
                    fmt::format("args.{} was not resolved", member_text(settled, "name")));
            }
        }
        return {};
    }

    Result<> add_rules(const json::Object& source) {
        SERIN_TRY_DO(
            append_named(dry_runs_, source, "dryRun", "metricName", "Dry-Run metric rules"));
        return append_named(
            retentions_,
            source,
            "measurementRetention",
            "metricName",
            "Measurement Retention metric rules");
    }

    json::Object spec() && {
        json::Object out;
        out["metrics"] = std::move(metrics_);
        if (!arguments_.empty()) out["args"] = std::move(arguments_);
        if (!dry_runs_.empty()) out["dryRun"] = std::move(dry_runs_);
        if (!retentions_.empty()) out["measurementRetention"] = std::move(retentions_);
        return out;
    }

    bool has_metrics() const { return !metrics_.empty(); }

private:
    // Templates that name each other in a circle end here as well: each is taken once.
    Result<> gather(const json::Array& names) {
        for (const json::Value& value : names) {
            const json::Object* reference = json::object(&value);
            if (!reference) continue;
            const TemplateName name{
                .name = member_text(*reference, "templateName"),
                .is_cluster_scoped =
                    json::boolean(reference->if_contains("clusterScope")).value_or(false)};
            if (!seen_.insert({name.is_cluster_scoped, name.name}).second) continue;
            SERIN_TRY(const Object found, find_(name));
            (name.is_cluster_scoped ? cluster_scoped_ : namespaced_).push_back(found);
            const json::Array* inner = json::array(found.find("/spec/templates"));
            if (inner) SERIN_TRY_DO(gather(*inner));
        }
        return {};
    }

    Result<> merge(const Object& one) {
        const json::Object* spec = json::object(one.find("/spec"));
        if (!spec) return {};
        SERIN_TRY_DO(append_named(metrics_, *spec, "metrics", "name", "metrics"));
        SERIN_TRY_DO(merge_arguments(member_list(*spec, "args")));
        return add_rules(*spec);
    }

    static Result<> append_named(
        json::Array& to,
        const json::Object& source,
        std::string_view member,
        std::string_view name_of,
        std::string_view what) {
        for (const json::Value& value : member_list(source, member)) {
            const json::Object* added = json::object(&value);
            if (!added) continue;
            const std::string name = member_text(*added, name_of);
            for (const json::Value& former : to) {
                if (member_text(former.get_object(), name_of) == name) {
                    return fail(
                        ErrorKind::invalid,
                        fmt::format("two {} have the same name '{}'", what, name));
                }
            }
            to.push_back(*added);
        }
        return {};
    }

    Result<> merge_arguments(const json::Array& arguments) {
        for (const json::Value& value : arguments) {
            const json::Object* added = json::object(&value);
            if (!added) continue;
            json::Object* former = argument(member_text(*added, "name"));
            if (!former) {
                arguments_.push_back(*added);
            } else if (!has_value(*former)) {
                *former = *added;
            } else if (has_value(*added) && !json::same(json::Value(*former), value)) {
                return fail(
                    ErrorKind::invalid,
                    fmt::format(
                        "Argument `{}` specified multiple times with different values",
                        member_text(*added, "name")));
            }
        }
        return {};
    }

    json::Object* argument(const std::string& name) {
        for (json::Value& value : arguments_) {
            if (member_text(value.get_object(), "name") == name) return &value.get_object();
        }
        return nullptr;
    }

    const FindTemplate& find_;
    std::set<std::pair<bool, std::string>> seen_;
    std::vector<Object> namespaced_;
    std::vector<Object> cluster_scoped_;
    json::Array metrics_;
    json::Array arguments_;
    json::Array dry_runs_;
    json::Array retentions_;
};

}  // namespace

Result<std::string> field_text(const Object& rollout, std::string_view path) {
    if (path.starts_with("metadata")) return metadata_text(rollout, path);
    std::string pointer;
    for (const std::string& part : split_path(path)) {
        pointer += "/" + json::escape_pointer(part);
    }
    const json::Value* value = rollout.find(pointer);
    if (!value || value->is_null()) {
        return fail(ErrorKind::invalid, fmt::format("invalid path {} in rollout", path));
    }
    return as_text(*value);
}

Result<json::Array> resolve_arguments(
    const json::Array& arguments, const Object& rollout, const RevisionHashes& hashes) {
    json::Array out;
    for (const json::Value& value : arguments) {
        const json::Object* argument = json::object(&value);
        if (!argument) continue;
        json::Object resolved{{"name", member_text(*argument, "name")}};
        if (is_given(*argument, "value")) {
            resolved["value"] = as_text(argument->at("value"));
        } else if (const json::Object* from = json::object(argument->if_contains("valueFrom"))) {
            auto text = argument_text(*from, rollout, hashes);
            if (!text) {
                return std::unexpected(
                    std::move(text).error().within("args." + member_text(*argument, "name")));
            }
            resolved["value"] = *std::move(text);
        }
        out.push_back(std::move(resolved));
    }
    return out;
}

Result<json::Object> analysis_run_spec(
    const json::Object& analysis,
    const Object& rollout,
    const RevisionHashes& hashes,
    const FindTemplate& find) {
    SERIN_TRY(
        const json::Array arguments,
        resolve_arguments(member_list(analysis, "args"), rollout, hashes));
    return analysis_run_spec(analysis, arguments, find);
}

Result<json::Object> analysis_run_spec(
    const json::Object& analysis, const json::Array& arguments, const FindTemplate& find) {
    Composer composer(find);
    SERIN_TRY_DO(composer.add(member_list(analysis, "templates")));
    SERIN_TRY_DO(composer.override_arguments(arguments));
    SERIN_TRY_DO(composer.add_rules(analysis));
    if (!composer.has_metrics()) {
        return fail(ErrorKind::invalid, "no metrics specified in the templates");
    }
    return std::move(composer).spec();
}

}  // namespace serin::argo
