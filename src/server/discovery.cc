#include "server/discovery.h"

#include "ports/object.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace serin::server {

namespace {

struct GroupVersion {
    std::string_view group;
    std::string_view version;

    std::string name() const {
        return group.empty() ? std::string(version) : fmt::format("{}/{}", group, version);
    }
    // "api/v1", "apis/apps/v1".
    std::string path() const { return (group.empty() ? "api/" : "apis/") + name(); }
    friend bool operator==(const GroupVersion&, const GroupVersion&) = default;
};

std::vector<GroupVersion> group_versions() {
    std::vector<GroupVersion> all;
    for (const ResourceType& type : resource_types()) {
        const GroupVersion one{type.group, type.version};
        if (std::ranges::find(all, one) == all.end()) all.push_back(one);
    }
    return all;
}

json::Array array_of(const std::vector<std::string_view>& texts) {
    json::Array array;
    for (const std::string_view text : texts) array.push_back(json::string(text));
    return array;
}

json::Object group_object(const GroupVersion& one) {
    const json::Object version{{"groupVersion", one.name()}, {"version", one.version}};
    return {{"name", one.group}, {"versions", json::Array{version}}, {"preferredVersion", version}};
}

json::Object subresource(
    const ResourceType& type,
    std::string_view name,
    std::string_view kind,
    const std::vector<std::string_view>& verbs) {
    return {
        {"name", fmt::format("{}/{}", type.plural, name)},
        {"singularName", ""},
        {"namespaced", type.is_namespaced},
        {"kind", kind},
        {"verbs", array_of(verbs)}};
}

void add_resource(const ResourceType& type, json::Array& resources) {
    json::Object main{
        {"name", type.plural},
        {"singularName", type.singular},
        {"namespaced", type.is_namespaced},
        {"kind", type.kind},
        {"verbs",
         array_of(
             {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"})}};
    if (!type.short_names.empty()) main["shortNames"] = array_of(type.short_names);
    if (!type.categories.empty()) main["categories"] = array_of(type.categories);
    resources.push_back(std::move(main));

    const std::vector<std::string_view> part_verbs = {"get", "patch", "update"};
    if (type.has_status) resources.push_back(subresource(type, "status", type.kind, part_verbs));
    if (type.has_scale) {
        json::Object scale = subresource(type, "scale", "Scale", part_verbs);
        scale["group"] = "autoscaling";
        scale["version"] = "v1";
        resources.push_back(std::move(scale));
    }
    if (&type == &types::pod()) {
        json::Object eviction = subresource(type, "eviction", "Eviction", {"create"});
        eviction["group"] = "policy";
        eviction["version"] = "v1";
        resources.push_back(std::move(eviction));
        resources.push_back(subresource(type, "log", "Pod", {"get"}));
    }
}

json::Object resource_list(const GroupVersion& one) {
    json::Array resources;
    for (const ResourceType& type : resource_types()) {
        if (GroupVersion{type.group, type.version} == one) add_resource(type, resources);
    }
    return {
        {"kind", "APIResourceList"},
        {"apiVersion", "v1"},
        {"groupVersion", one.name()},
        {"resources", std::move(resources)}};
}

std::string item_path(const ResourceType& type) {
    return fmt::format(
        "/{}/{}{}/{{name}}",
        GroupVersion{type.group, type.version}.path(),
        type.is_namespaced ? "namespaces/{namespace}/" : "",
        type.plural);
}

// Clients look here for two facts: that a patch takes `fieldValidation` (then the server validates)
// and that it takes `dryRun`. Schemas are left out: with one that lacks merge keys, kubectl would
// compute wrong strategic patches, without one it uses the keys it was built with.
json::Object openapi_v3(const GroupVersion& one) {
    json::Object paths;
    for (const ResourceType& type : resource_types()) {
        if (GroupVersion{type.group, type.version} != one) continue;
        const auto parameter = [](std::string_view name) {
            return json::Object{
                {"name", name},
                {"in", "query"},
                {"schema", json::Object{{"type", "string"}, {"uniqueItems", true}}}};
        };
        const json::Object operation{
            {"parameters",
             json::Array{
                 parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")}},
            {"responses", json::Object{{"200", json::Object{{"description", "OK"}}}}},
            {"x-kubernetes-group-version-kind",
             json::Object{{"group", type.group}, {"kind", type.kind}, {"version", type.version}}}};
        paths[item_path(type)] = json::Object{{"patch", operation}};
    }
    return {
        {"openapi", "3.0.0"},
        {"info", json::Object{{"title", "Serin"}, {"version", "v1"}}},
        {"paths", std::move(paths)},
        {"components", json::Object{{"schemas", json::Object{}}}}};
}

json::Object openapi_v3_index() {
    json::Object paths;
    for (const GroupVersion& one : group_versions()) {
        paths[one.path()] = json::Object{{"serverRelativeURL", "/openapi/v3/" + one.path()}};
    }
    return {{"paths", std::move(paths)}};
}

json::Object group_list() {
    json::Array groups;
    for (const GroupVersion& one : group_versions()) {
        if (!one.group.empty()) groups.push_back(group_object(one));
    }
    return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

// Protobuf, as far as the document needs it: strings and messages, each a tag, a length and bytes.

std::string varint(std::uint64_t number) {
    std::string bytes;
    for (; number >= 0x80; number >>= 7U) bytes += static_cast<char>((number & 0x7fU) | 0x80U);
    bytes += static_cast<char>(number);
    return bytes;
}

std::string field(unsigned number, std::string_view content) {
    return varint(number << 3U | 2U) + varint(content.size()) + std::string(content);
}

std::string query_parameter(std::string_view name) {
    const std::string plain = field(2, "query") + field(4, name) + field(6, "string");
    return field(1, field(2, field(3, plain)));  // ParametersItem.parameter.non_body.query
}

std::string path_item(const ResourceType& type) {
    const std::string kind =
        fmt::format("group: \"{}\"\nkind: {}\nversion: {}\n", type.group, type.kind, type.version);
    const std::string extension =
        field(1, "x-kubernetes-group-version-kind") + field(2, field(2, kind));
    const std::string operation = field(8, query_parameter("dryRun")) +
                                  field(8, query_parameter("fieldValidation")) +
                                  field(13, extension);
    return field(1, item_path(type)) + field(2, field(8, operation));
}

}  // namespace

std::optional<json::Object> discover(std::string_view path) {
    if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    if (path == "/api") {
        return json::Object{
            {"kind", "APIVersions"},
            {"versions", json::Array{"v1"}},
            {"serverAddressByClientCIDRs", json::Array{}}};
    }
    if (path == "/apis") return group_list();
    if (path == "/openapi/v3") return openapi_v3_index();
    for (const GroupVersion& one : group_versions()) {
        if (path == "/" + one.path()) return resource_list(one);
        if (path == "/openapi/v3/" + one.path()) return openapi_v3(one);
        if (!one.group.empty() && path == fmt::format("/apis/{}", one.group)) {
            json::Object group = group_object(one);
            group["kind"] = "APIGroup";
            group["apiVersion"] = "v1";
            return group;
        }
    }
    return std::nullopt;
}

std::string openapi_v2() {
    std::string paths;
    for (const ResourceType& type : resource_types()) paths += field(2, path_item(type));
    return field(1, "2.0") + field(2, field(1, "Serin") + field(2, "v1")) + field(8, paths);
}

json::Object version_info() {
    return {
        {"major", "1"},
        {"minor", "32"},
        {"gitVersion", "v1.32.0+serin"},
        {"gitCommit", ""},
        {"gitTreeState", "clean"},
        {"buildDate", "1970-01-01T00:00:00Z"},
        {"goVersion", ""},
        {"compiler", ""},
        {"platform", "linux/amd64"}};
}

}  // namespace serin::server
