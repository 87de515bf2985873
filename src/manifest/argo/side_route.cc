#include "manifest/argo/side_route.h"

#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

namespace serin::argo {

namespace {

class Reader {
public:
    explicit Reader(std::vector<Diagnostic>& diagnostics) : diagnostics_(diagnostics) {}

    void error(std::string path, std::string_view message) {
        Diagnostic diagnostic;
        diagnostic.path = std::move(path);
        diagnostic.message = message;
        diagnostics_.push_back(std::move(diagnostic));
    }

    // exact, prefix or regex; exactly one.
    std::optional<TextMatch> text_match(const json::Value* value, const std::string& path) {
        using Kind = TextMatch::Kind;
        constexpr std::pair<std::string_view, Kind> kinds[] = {
            {"exact", Kind::exact}, {"prefix", Kind::prefix}, {"regex", Kind::regex}};
        const json::Object* object = json::object(value);
        std::optional<TextMatch> found;
        int count = 0;
        for (const auto& [name, kind] : kinds) {
            const auto text = object ? json::text(object->if_contains(name)) : std::nullopt;
            if (!text) continue;
            found = TextMatch{.kind = kind, .value = std::string(*text)};
            ++count;
        }
        if (count == 1) return found;
        error(path, "expected exactly one of exact, prefix, regex");
        return std::nullopt;
    }

    void add_header(
        const std::string& name,
        const json::Value* value,
        const std::string& path,
        RequestShape& into) {
        std::string lower = name;
        for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const auto match = text_match(value, path);
        if (lower.empty()) error(path, "a header needs a name");
        if (match && !into.headers.emplace(lower, *match).second) {
            error(path, "header \"" + name + "\" is matched twice");
        }
    }

    void read_path(const json::Value* value, const std::string& path, RequestShape& into) {
        if (!value) return;
        into.path = text_match(value, path);
        if (into.path && into.path->kind != TextMatch::Kind::regex &&
            !into.path->value.starts_with('/')) {
            error(path, "must begin with '/'");
        }
    }

    void read_method(const json::Value* value, const std::string& path, RequestShape& into) {
        if (!value) return;
        const auto match = text_match(value, path);
        if (!match) return;
        if (match->kind != TextMatch::Kind::exact) {
            return error(path, "a method is matched by exact only");
        }
        into.method = match->value;
    }

private:
    std::vector<Diagnostic>& diagnostics_;
};

const json::Array& matches_of(const json::Object& step) {
    static const json::Array none;
    const json::Array* matches = json::array(step.if_contains("match"));
    return matches ? *matches : none;
}

}  // namespace

// All headers have to match, as the plugin for Gateway API has it.
SideRouteShape read_header_route(
    const json::Object& step, const std::string& path, std::vector<Diagnostic>& diagnostics) {
    Reader reader(diagnostics);
    SideRouteShape shape{.kind = SideRouteShape::Kind::headers};
    RequestShape all;
    const json::Array& matches = matches_of(step);
    for (std::size_t i = 0; i < matches.size(); ++i) {
        const std::string at = path + ".match[" + std::to_string(i) + "]";
        const std::string name(json::text(json::find(matches[i], "/headerName")).value_or(""));
        reader.add_header(name, json::find(matches[i], "/headerValue"), at + ".headerValue", all);
    }
    if (!matches.empty()) shape.matches.push_back(std::move(all));
    return shape;
}

SideRouteShape read_mirror_route(
    const json::Object& step, const std::string& path, std::vector<Diagnostic>& diagnostics) {
    Reader reader(diagnostics);
    SideRouteShape shape{.kind = SideRouteShape::Kind::mirror};
    const json::Array& matches = matches_of(step);
    for (std::size_t i = 0; i < matches.size(); ++i) {
        const std::string at = path + ".match[" + std::to_string(i) + "]";
        RequestShape one;
        reader.read_method(json::find(matches[i], "/method"), at + ".method", one);
        reader.read_path(json::find(matches[i], "/path"), at + ".path", one);
        if (const json::Object* headers = json::object(json::find(matches[i], "/headers"))) {
            for (const auto& member : *headers) {
                const std::string name(member.key().data(), member.key().size());
                reader.add_header(name, &member.value(), at + ".headers." + name, one);
            }
        }
        shape.matches.push_back(std::move(one));
    }
    if (const json::Value* percentage = step.if_contains("percentage")) {
        const auto percent = json::integer(percentage);
        if (!percent || *percent < 0 || *percent > 100) {
            reader.error(path + ".percentage", "must be from 0 to 100");
        } else {
            shape.percent = static_cast<int>(*percent);
        }
    }
    return shape;
}

}  // namespace serin::argo
