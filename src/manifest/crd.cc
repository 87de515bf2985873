#include "manifest/crd.h"

#include "base/check.h"
#include "manifest/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace serin::manifest {

namespace {

constexpr std::string_view keep_unknown = "x-kubernetes-preserve-unknown-fields";
constexpr std::string_view int_or_string = "x-kubernetes-int-or-string";

constexpr std::string_view subdomain_pattern =
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
constexpr std::string_view label_name_pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
constexpr std::string_view service_name_pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$";
constexpr std::string_view label_value_pattern = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";
constexpr std::string_view data_key_pattern = "^[-._a-zA-Z0-9]+$";
constexpr std::string_view percentage_pattern = "^[0-9]{1,9}%?$";
constexpr std::string_view duration_pattern =
    "^[-+]?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$";
constexpr std::string_view templated_pattern =
    "^[-+]?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$|\\{\\{.*\\}\\}";
constexpr std::string_view quantity_pattern =
    "^[-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([EPTGMK]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$";

json::Object typed(std::string_view type) {
    return {{"type", json::string(type)}};
}

json::Object with(json::Object schema, std::string_view name, json::Value value) {
    schema[name] = std::move(value);
    return schema;
}

json::Object text_like(std::string_view pattern, std::int64_t longest = 0) {
    json::Object schema = with(typed("string"), "pattern", json::string(pattern));
    if (longest > 0) schema["maxLength"] = longest;
    return schema;
}

// How strictly a part of the table is taken over.
enum class Grip { strict, lenient };

json::Object schema_for(const Type& type, Grip grip);

json::Object text_schema(Format format) {
    switch (format) {
        case Format::filled:
            return with(typed("string"), "minLength", 1);
        case Format::subdomain:
            return text_like(subdomain_pattern, 253);
        case Format::label_name:
            return text_like(label_name_pattern, 63);
        case Format::service_name:
            return text_like(service_name_pattern, 63);
        case Format::port_name:
            return text_like(label_name_pattern, 15);
        case Format::key:
            return text_like(data_key_pattern, 253);
        case Format::free:
        case Format::labels:
        case Format::annotations:
            break;
    }
    return typed("string");
}

json::Object map_schema(const Type& type, Grip grip) {
    json::Object element = type.format == Format::labels ? text_like(label_value_pattern, 63)
                                                         : schema_for(*type.element, grip);
    return with(typed("object"), "additionalProperties", std::move(element));
}

json::Object list_schema(const Type& type, Grip grip) {
    json::Object schema = with(typed("array"), "items", schema_for(*type.element, grip));
    if (type.is_filled) schema["minItems"] = 1;
    return schema;
}

json::Object integer_schema(const Type& type) {
    json::Object schema = with(typed("integer"), "format", "int64");
    if (type.least != std::numeric_limits<std::int64_t>::min()) schema["minimum"] = type.least;
    if (type.most != std::numeric_limits<std::int64_t>::max()) schema["maximum"] = type.most;
    return schema;
}

// No type fits: numbers may have a fraction, and texts have to look right.
json::Object quantity_schema() {
    return {{keep_unknown, true}, {"pattern", json::string(quantity_pattern)}};
}

json::Object enumeration_schema(const Type& type, Grip grip) {
    json::Object schema = typed("string");
    if (grip == Grip::lenient) return schema;
    json::Array words;
    for (const std::string& word : type.words) words.push_back(json::string(word));
    return with(std::move(schema), "enum", std::move(words));
}

json::Object presence_of(const std::vector<std::string>& names) {
    json::Array required;
    for (const std::string& name : names) required.push_back(json::string(name));
    return {{"required", std::move(required)}};
}

void add_choice(const Record& record, json::Object& schema) {
    if (record.choice == Record::Choice::free) return;
    json::Array ways;
    for (const std::string& name : record.choices) ways.push_back(presence_of({name}));
    if (record.choice == Record::Choice::at_most_one) {
        ways.push_back(json::Object{{"not", json::Object{{"anyOf", ways}}}});
    }
    schema["oneOf"] = std::move(ways);
}

json::Object record_schema(const Record& record, Grip grip) {
    if (record.name == "PodSpec" || record.name == "JobSpec") grip = Grip::lenient;
    json::Object properties;
    std::vector<std::string> required;
    for (const Field& field : record.fields) {
        properties[field.name] = schema_for(*field.type, grip);
        if (field.is_required) required.push_back(field.name);
    }
    json::Object schema = with(typed("object"), "properties", std::move(properties));
    if (!required.empty()) schema["required"] = presence_of(required)["required"];
    if (record.is_open || grip == Grip::lenient) schema[keep_unknown] = true;
    if (grip == Grip::strict) add_choice(record, schema);
    return schema;
}

json::Object schema_for(const Type& type, Grip grip) {
    switch (type.shape) {
        case Shape::any:
            return {{keep_unknown, true}};
        case Shape::object:
            return with(typed("object"), keep_unknown, true);
        case Shape::record:
            return record_schema(*type.record, grip);
        case Shape::map:
            return map_schema(type, grip);
        case Shape::list:
            return list_schema(type, grip);
        case Shape::text:
            return text_schema(type.format);
        case Shape::boolean:
            return typed("boolean");
        case Shape::integer:
            return integer_schema(type);
        case Shape::number:
            return typed("number");
        case Shape::int_or_text:
            return {{int_or_string, true}};
        case Shape::int_or_percent:
            return {{int_or_string, true}, {"pattern", json::string(percentage_pattern)}};
        case Shape::quantity:
            return quantity_schema();
        case Shape::duration:
            return text_like(type.is_templated ? templated_pattern : duration_pattern);
        case Shape::time:
            // Tools write `creationTimestamp: null` into templates.
            return with(with(typed("string"), "format", "date-time"), "nullable", true);
        case Shape::base64:
            return with(typed("string"), "format", "byte");
        case Shape::enumeration:
            return enumeration_schema(type, grip);
    }
    return {{keep_unknown, true}};
}

// The API has its own rules for the envelope, and a definition must not repeat them.
json::Object root_schema(const ResourceType& type) {
    json::Object schema = record_schema(schema_of(type), Grip::strict);
    json::Object& properties = schema["properties"].as_object();
    properties["apiVersion"] = typed("string");
    properties["kind"] = typed("string");
    properties["metadata"] = typed("object");
    schema["required"] = json::Array{"spec"};
    return schema;
}

json::Object column(std::string_view name, std::string_view type, std::string_view path) {
    return {
        {"name", json::string(name)},
        {"type", json::string(type)},
        {"jsonPath", json::string(path)}};
}

// The columns of Argo Rollouts, and what is asked for most, with -o wide, besides.
json::Array columns_for(const ResourceType& type) {
    json::Array columns;
    if (&type == &types::rollout()) {
        columns = {
            column("Desired", "integer", ".spec.replicas"),
            column("Current", "integer", ".status.replicas"),
            column("Up-to-date", "integer", ".status.updatedReplicas"),
            column("Available", "integer", ".status.availableReplicas"),
            column("Age", "date", ".metadata.creationTimestamp")};
        for (auto wide :
             {column("Phase", "string", ".status.phase"),
              column("Step", "integer", ".status.currentStepIndex"),
              column("Weight", "integer", ".status.canary.weights.canary.weight"),
              column("Message", "string", ".status.message")}) {
            columns.push_back(with(std::move(wide), "priority", 1));
        }
        return columns;
    }
    if (type.has_status) columns.push_back(column("Status", "string", ".status.phase"));
    columns.push_back(column("Age", "date", ".metadata.creationTimestamp"));
    return columns;
}

json::Object subresources_of(const ResourceType& type) {
    json::Object parts;
    if (type.has_status) parts["status"] = json::Object();
    if (type.has_scale) {
        parts["scale"] = json::Object{
            {"specReplicasPath", ".spec.replicas"},
            {"statusReplicasPath", ".status.HPAReplicas"},
            {"labelSelectorPath", ".status.selector"}};
    }
    return parts;
}

json::Array array_of(const std::vector<std::string_view>& texts) {
    json::Array array;
    for (const std::string_view text : texts) array.push_back(json::string(text));
    return array;
}

json::Object names_of(const ResourceType& type) {
    json::Object names{
        {"kind", json::string(type.kind)},
        {"listKind", fmt::format("{}List", type.kind)},
        {"plural", json::string(type.plural)},
        {"singular", json::string(type.singular)}};
    if (!type.short_names.empty()) names["shortNames"] = array_of(type.short_names);
    if (!type.categories.empty()) names["categories"] = array_of(type.categories);
    return names;
}

}  // namespace

std::vector<const ResourceType*> custom_types() {
    std::vector<const ResourceType*> all;
    for (const ResourceType& type : resource_types()) {
        if (type.group == types::rollout().group) all.push_back(&type);
    }
    return all;
}

json::Object crd_of(const ResourceType& type) {
    const auto known = custom_types();
    SERIN_CHECK(std::ranges::find(known, &type) != known.end());
    json::Object version{
        {"name", json::string(type.version)},
        {"served", true},
        {"storage", true},
        {"additionalPrinterColumns", columns_for(type)},
        {"schema", json::Object{{"openAPIV3Schema", root_schema(type)}}}};
    if (json::Object parts = subresources_of(type); !parts.empty()) {
        version["subresources"] = std::move(parts);
    }
    return {
        {"apiVersion", "apiextensions.k8s.io/v1"},
        {"kind", "CustomResourceDefinition"},
        {"metadata",
         json::Object{
             {"name", fmt::format("{}.{}", type.plural, type.group)},
             {"labels", json::Object{{"app.kubernetes.io/part-of", "serin"}}}}},
        {"spec",
         json::Object{
             {"group", json::string(type.group)},
             {"names", names_of(type)},
             {"scope", type.is_namespaced ? "Namespaced" : "Cluster"},
             {"versions", json::Array{std::move(version)}}}}};
}

}  // namespace serin::manifest
