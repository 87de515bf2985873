#pragma once

#include "ports/object.h"

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// Which fields the kinds that Serin serves have and what they may hold: one table that validation,
// defaulting and the reference page agree on. It is written as text (schema_*.cc), read once.

namespace serin::manifest {

enum class Shape {
    any,     // Whatever JSON holds.
    object,  // An object with members of any kind.
    record,  // An object with the members of `record`.
    map,     // Texts to `element`.
    list,    // Of `element`.
    text,
    boolean,
    integer,
    number,
    int_or_text,     // As Argo's limits, which may hold {{args.x}}.
    int_or_percent,  // 3 or "25%".
    quantity,        // "500m", "64Mi", 2.
    duration,        // A Go duration, or {{args.x}} where `is_templated`.
    time,            // RFC 3339.
    base64,
    enumeration,  // One of `words`.
};

// How a text, or a map's keys and values, have to look; `free` is no rule.
enum class Format {
    free,
    filled,
    subdomain,
    label_name,
    service_name,
    port_name,
    key,
    labels,
    annotations,
};

struct Record;

struct Type {
    Shape shape = Shape::any;
    Format format = Format::free;
    std::int64_t least = std::numeric_limits<std::int64_t>::min();
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::vector<std::string> words;  // Of an enumeration.
    const Record* record = nullptr;
    const Type* element = nullptr;  // Of lists and maps.
    bool is_filled = false;         // A list with at least one item.
    std::string merge_key;          // The member that tells a list's items apart, or empty.
    bool is_templated = false;

    // For people: "an integer from 0 to 100", "a list".
    std::string name() const;
};

struct Field {
    std::string name;
    const Type* type = nullptr;
    bool is_required = false;
    // False: accepted, as the API has it, and without effect on one machine.
    bool has_effect = true;
};

struct Record {
    enum class Choice { free, exactly_one, at_most_one };

    std::string name;
    std::vector<Field> fields;
    Choice choice = Choice::free;  // Between the fields in `choices`.
    std::vector<std::string> choices;
    bool is_open = false;  // Members that are not listed are kept without a look.

    const Field* find(std::string_view field) const;
};

// The table of a whole object of `type`, metadata included.
// REQUIRES: `type` is one of resource_types().
const Record& schema_of(const ResourceType& type);

// All records by name, for the reference page.
const std::map<std::string, Record, std::less<>>& schema_records();

}  // namespace serin::manifest
