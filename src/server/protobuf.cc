#include "server/protobuf.h"

#include "base/time.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace serin::server {

namespace {

enum class Type {
    text,
    bytes,  // Base64 in JSON.
    number,
    flag,
    message,
    time,
    number_or_text,
    map_of_texts,
    map_of_bytes,
};

struct Message;

struct Field {
    std::uint64_t number = 0;
    std::string_view name;
    Type type = Type::text;
    bool is_list = false;
    const Message* message = nullptr;
};

struct Message {
    std::string_view name;
    std::vector<Field> fields;
};

// The numbers are those of generated.proto in k8s.io/api and k8s.io/apimachinery.
const Message owner_reference{
    "OwnerReference",
    {{1, "kind"},
     {3, "name"},
     {4, "uid"},
     {5, "apiVersion"},
     {6, "controller", Type::flag},
     {7, "blockOwnerDeletion", Type::flag}}};
const Message object_meta{
    "ObjectMeta",
    {{1, "name"},
     {2, "generateName"},
     {3, "namespace"},
     {4, "selfLink"},
     {5, "uid"},
     {6, "resourceVersion"},
     {7, "generation", Type::number},
     {8, "creationTimestamp", Type::time},
     {9, "deletionTimestamp", Type::time},
     {10, "deletionGracePeriodSeconds", Type::number},
     {11, "labels", Type::map_of_texts},
     {12, "annotations", Type::map_of_texts},
     {13, "ownerReferences", Type::message, true, &owner_reference},
     {14, "finalizers", Type::text, true}}};
const Field metadata{1, "metadata", Type::message, false, &object_meta};

const Message config_map{
    "ConfigMap",
    {metadata,
     {2, "data", Type::map_of_texts},
     {3, "binaryData", Type::map_of_bytes},
     {4, "immutable", Type::flag}}};
const Message secret{
    "Secret",
    {metadata,
     {2, "data", Type::map_of_bytes},
     {3, "type"},
     {4, "stringData", Type::map_of_texts},
     {5, "immutable", Type::flag}}};
const Message namespace_spec{"NamespaceSpec", {{1, "finalizers", Type::text, true}}};
const Message namespace_status{"NamespaceStatus", {{1, "phase"}}};
const Message name_space{
    "Namespace",
    {metadata,
     {2, "spec", Type::message, false, &namespace_spec},
     {3, "status", Type::message, false, &namespace_status}}};

const Message service_port{
    "ServicePort",
    {{1, "name"},
     {2, "protocol"},
     {3, "port", Type::number},
     {4, "targetPort", Type::number_or_text},
     {5, "nodePort", Type::number},
     {6, "appProtocol"}}};
const Message service_spec{
    "ServiceSpec",
    {{1, "ports", Type::message, true, &service_port},
     {2, "selector", Type::map_of_texts},
     {3, "clusterIP"},
     {4, "type"},
     {5, "externalIPs", Type::text, true},
     {7, "sessionAffinity"},
     {8, "loadBalancerIP"},
     {10, "externalName"}}};
const Message load_balancer_status{"LoadBalancerStatus", {}};
const Message service_status{
    "ServiceStatus", {{1, "loadBalancer", Type::message, false, &load_balancer_status}}};
const Message service{
    "Service",
    {metadata,
     {2, "spec", Type::message, false, &service_spec},
     {3, "status", Type::message, false, &service_status}}};

const Message preconditions{"Preconditions", {{1, "uid"}, {2, "resourceVersion"}}};
const Message delete_options{
    "DeleteOptions",
    {{1, "gracePeriodSeconds", Type::number},
     {2, "preconditions", Type::message, false, &preconditions},
     {3, "orphanDependents", Type::flag},
     {4, "propagationPolicy"},
     {5, "dryRun", Type::text, true}}};
const Message eviction{
    "Eviction", {metadata, {2, "deleteOptions", Type::message, false, &delete_options}}};

const Message type_meta{"TypeMeta", {{1, "apiVersion"}, {2, "kind"}}};
const Message map_entry_of_texts{"entry", {{1, "key"}, {2, "value"}}};
const Message map_entry_of_bytes{"entry", {{1, "key"}, {2, "value", Type::bytes}}};
const Message time_message{"Time", {{1, "seconds", Type::number}, {2, "nanos", Type::number}}};
const Message number_or_text{
    "IntOrString", {{1, "type", Type::number}, {2, "intVal", Type::number}, {3, "strVal"}}};
const Message envelope{
    "Unknown",
    {{1, "typeMeta", Type::message, false, &type_meta},
     {2, "raw"},
     {3, "contentEncoding"},
     {4, "contentType"}}};

const Message* message_of(std::string_view kind) {
    for (const Message* one :
         {&config_map, &secret, &name_space, &service, &delete_options, &eviction}) {
        if (one->name == kind) return one;
    }
    return nullptr;
}

std::unexpected<Error> malformed() {
    return fail(ErrorKind::invalid, "malformed protobuf");
}

Result<std::uint64_t> take_varint(std::string_view& bytes) {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        number |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
        if ((byte & 0x80U) == 0) return number;
    }
    return malformed();
}

Result<std::string_view> take_bytes(std::string_view& bytes) {
    SERIN_TRY(const std::uint64_t size, take_varint(bytes));
    if (size > bytes.size()) return malformed();
    const std::string_view taken = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return taken;
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (size_t k = 0; k < 3; ++k) {
            const auto byte = i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U;
            group = group << 8U | byte;
        }
        for (size_t k = 0; k < 4; ++k) {
            const bool is_there = i + k <= bytes.size();
            text += is_there ? letters[group >> (18 - 6 * k) & 63U] : '=';
        }
    }
    return text;
}

Result<json::Object> read_message(const Message& message, std::string_view bytes);

// A value that is sent as bytes with a length.
Result<json::Value> read_long(const Field& field, std::string_view bytes) {
    switch (field.type) {
        case Type::text:
            return json::string(bytes);
        case Type::bytes:
            return json::Value(base64(bytes));
        case Type::message: {
            SERIN_TRY(json::Object object, read_message(*field.message, bytes));
            return json::Value(std::move(object));
        }
        case Type::time: {
            SERIN_TRY(const json::Object time, read_message(time_message, bytes));
            const auto seconds = json::integer(time.if_contains("seconds"));
            if (!seconds || *seconds <= 0 || *seconds > 253'402'300'799) return json::Value();
            return json::Value(format_time(Instant(std::chrono::seconds(*seconds))));
        }
        case Type::number_or_text: {
            SERIN_TRY(const json::Object either, read_message(number_or_text, bytes));
            const bool is_text = json::integer(either.if_contains("type")).value_or(0) == 1;
            const json::Value* value = either.if_contains(is_text ? "strVal" : "intVal");
            return value == nullptr ? json::Value() : *value;
        }
        case Type::map_of_texts:
        case Type::map_of_bytes:
        case Type::number:
        case Type::flag:
            return malformed();
    }
    return malformed();
}

// Adds one entry to the map that the field is.
Result<> read_entry(const Field& field, std::string_view bytes, json::Object& into) {
    const bool is_text = field.type == Type::map_of_texts;
    SERIN_TRY(
        const json::Object entry,
        read_message(is_text ? map_entry_of_texts : map_entry_of_bytes, bytes));
    json::Value& map = into[field.name];
    if (!map.is_object()) map = json::Object{};
    const json::Value* value = entry.if_contains("value");
    map.get_object()[json::text(entry.if_contains("key")).value_or("")] =
        value == nullptr ? json::string("") : *value;
    return {};
}

Result<> read_field(
    const Field& field, std::uint64_t wire, std::string_view& bytes, json::Object& into) {
    json::Value value;
    if (wire == 0 && (field.type == Type::number || field.type == Type::flag)) {
        SERIN_TRY(const std::uint64_t number, take_varint(bytes));
        value = field.type == Type::flag ? json::Value(number != 0)
                                         : json::Value(static_cast<std::int64_t>(number));
    } else if (wire == 2) {
        SERIN_TRY(const std::string_view part, take_bytes(bytes));
        if (field.type == Type::map_of_texts || field.type == Type::map_of_bytes) {
            return read_entry(field, part, into);
        }
        SERIN_TRY(value, read_long(field, part));
    } else {
        return malformed();
    }
    if (field.is_list) {
        json::Value& list = into[field.name];
        if (!list.is_array()) list = json::Array{};
        list.get_array().push_back(std::move(value));
        return {};
    }
    // Go writes empty texts, zeros and empty parts where JSON leaves them out.
    const bool is_empty =
        value.is_null() || (value.is_string() && value.get_string().empty()) ||
        (value.is_object() && value.get_object().empty()) ||
        (value.is_int64() && value.get_int64() == 0 && field.name != "gracePeriodSeconds");
    if (!is_empty) into[field.name] = std::move(value);
    return {};
}

Result<json::Object> read_message(const Message& message, std::string_view bytes) {
    json::Object object;
    while (!bytes.empty()) {
        SERIN_TRY(const std::uint64_t tag, take_varint(bytes));
        const Field* known = nullptr;
        for (const Field& field : message.fields) {
            if (field.number == tag >> 3U) known = &field;
        }
        if (known == nullptr) {
            return fail(
                ErrorKind::invalid,
                fmt::format(
                    "field {} of {} cannot be read as protobuf: send JSON",
                    tag >> 3U,
                    message.name));
        }
        SERIN_TRY_DO(read_field(*known, tag & 7U, bytes, object));
    }
    return object;
}

// Bytes that were said to be text may be anything; printing mends them, and that is not what was
// sent.
bool is_valid(const json::Object& object) {
    const auto parsed = json::parse(json::print(object));
    const json::Object* read = parsed ? json::object(&*parsed) : nullptr;
    return read != nullptr && json::same(*read, object);
}

}  // namespace

Result<json::Object> read_kubernetes_protobuf(std::string_view body) {
    constexpr std::string_view magic("k8s\0", 4);
    if (!body.starts_with(magic)) return malformed();
    body.remove_prefix(magic.size());

    // The raw object is bytes within; they are looked at as text only to be taken out again.
    SERIN_TRY(const json::Object outer, read_message(envelope, body));
    const auto kind = json::text(json::find(outer, "/typeMeta/kind")).value_or("");
    const Message* message = message_of(kind);
    if (message == nullptr) {
        return fail(
            ErrorKind::invalid, fmt::format("a {} cannot be read as protobuf: send JSON", kind));
    }
    SERIN_TRY(
        json::Object object,
        read_message(*message, json::text(outer.if_contains("raw")).value_or("")));
    if (!is_valid(object)) return malformed();
    const auto version = json::text(json::find(outer, "/typeMeta/apiVersion")).value_or("");
    object["apiVersion"] = json::string(version);
    object["kind"] = json::string(kind);
    return object;
}

}  // namespace serin::server
