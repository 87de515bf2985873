#include "manifest/schema.h"

#include "base/check.h"
#include "manifest/schema_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <deque>
#include <utility>

namespace serin::manifest {

namespace {

constexpr auto unbounded_below = std::numeric_limits<std::int64_t>::min();
constexpr auto unbounded_above = std::numeric_limits<std::int64_t>::max();

struct Simple {
    std::string_view word;
    Shape shape;
    Format format = Format::free;
};

constexpr Simple simple_types[] = {
    {"any", Shape::any},
    {"object", Shape::object},
    {"text", Shape::text},
    {"filled", Shape::text, Format::filled},
    {"subdomain", Shape::text, Format::subdomain},
    {"label-name", Shape::text, Format::label_name},
    {"service-name", Shape::text, Format::service_name},
    {"port-name", Shape::text, Format::port_name},
    {"key", Shape::text, Format::key},
    {"labels", Shape::map, Format::labels},
    {"annotations", Shape::map, Format::annotations},
    {"bool", Shape::boolean},
    {"int", Shape::integer},
    {"number", Shape::number},
    {"int-or-text", Shape::int_or_text},
    {"int-or-percent", Shape::int_or_percent},
    {"quantity", Shape::quantity},
    {"duration", Shape::duration},
    {"templated-duration", Shape::duration},
    {"time", Shape::time},
    {"base64", Shape::base64},
};

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto start = text.find_first_not_of(' ');
        if (start == text.npos) break;
        const auto end = text.find(' ', start);
        words.emplace_back(text.substr(start, end == text.npos ? end : end - start));
        text = end == text.npos ? std::string_view() : text.substr(end);
    }
    return words;
}

std::int64_t read_bound(std::string_view text, std::int64_t otherwise) {
    if (text.empty()) return otherwise;
    std::int64_t bound = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), bound);
    SERIN_CHECK(read.ec == std::errc() && read.ptr == text.data() + text.size());
    return bound;
}

// The tables are part of the program: whatever is wrong with them is a defect and ends it.
class Tables {
public:
    Tables() {
        for (const std::string_view text :
             {schema_meta_text(),
              schema_core_text(),
              schema_pod_text(),
              schema_rollout_text(),
              schema_analysis_text(),
              schema_gateway_text()}) {
            read(text);
        }
        for (const auto& [name, record] : records_) SERIN_CHECK(!record.fields.empty());
    }

    const std::map<std::string, Record, std::less<>>& records() const { return records_; }

private:
    void read(std::string_view text) {
        Record* record = nullptr;
        while (!text.empty()) {
            const auto end = text.find('\n');
            const std::string_view line = text.substr(0, end);
            text = end == text.npos ? std::string_view() : text.substr(end + 1);
            if (line.starts_with("record ")) {
                record = &start_record(line.substr(7));
            } else if (!split_words(line).empty()) {
                SERIN_CHECK(record != nullptr);
                record->fields.push_back(read_field(line));
            }
        }
    }

    Record& start_record(std::string_view line) {
        const auto end = line.find(' ');
        const std::string name(line.substr(0, end));
        Record& record = records_[name];
        SERIN_CHECK(record.fields.empty());
        record.name = name;
        const std::string_view rest = end == line.npos ? std::string_view() : line.substr(end + 1);
        record.is_open = rest == "open";
        if (rest.ends_with(')')) {
            const auto open = rest.find('(');
            record.choice = rest.starts_with("exactly-one") ? Record::Choice::exactly_one
                                                            : Record::Choice::at_most_one;
            record.choices = split_words(rest.substr(open + 1, rest.size() - open - 2));
        }
        return record;
    }

    Field read_field(std::string_view line) {
        const auto start = line.find_first_not_of(' ');
        const auto end = line.find(' ', start);
        SERIN_CHECK(end != line.npos);
        std::string_view name = line.substr(start, end - start);
        Field field;
        for (; name.ends_with('!') || name.ends_with('~'); name.remove_suffix(1)) {
            if (name.back() == '!') field.is_required = true;
            if (name.back() == '~') field.has_effect = false;
        }
        field.name = name;
        const auto type = line.find_first_not_of(' ', end);
        SERIN_CHECK(type != line.npos);
        field.type = &read_type(line.substr(type));
        return field;
    }

    const Type& read_type(std::string_view text) {
        Type& type = types_.emplace_back();
        if (text.starts_with('[')) {
            const auto close = text.rfind(']');
            type.shape = Shape::list;
            type.element = &read_type(text.substr(1, close - 1));
            std::string_view rest = text.substr(close + 1);
            type.is_filled = rest.starts_with('+');
            if (type.is_filled) rest.remove_prefix(1);
            if (rest.starts_with('@')) type.merge_key = rest.substr(1);
        } else if (text.starts_with('{')) {
            type.shape = Shape::map;
            type.element = &read_type(text.substr(1, text.size() - 2));
        } else if (text.starts_with("enum(")) {
            type.shape = Shape::enumeration;
            type.words = split_words(text.substr(5, text.size() - 6));
        } else if (text.starts_with("int(")) {
            type.shape = Shape::integer;
            const std::string_view range = text.substr(4, text.size() - 5);
            const auto dots = range.find("..");
            type.least = read_bound(range.substr(0, dots), unbounded_below);
            type.most = read_bound(range.substr(dots + 2), unbounded_above);
        } else {
            read_word(type, text);
        }
        return type;
    }

    void read_word(Type& type, std::string_view text) {
        for (const Simple& simple : simple_types) {
            if (simple.word != text) continue;
            type.shape = simple.shape;
            type.format = simple.format;
            type.is_templated = text.starts_with("templated");
            if (type.shape == Shape::map) type.element = &read_type("text");
            return;
        }
        // Records may be named before their table comes.
        type.shape = Shape::record;
        type.record = &records_[std::string(text)];
    }

    std::map<std::string, Record, std::less<>> records_;
    std::deque<Type> types_;  // Addresses stay.
};

const Tables& tables() {
    static const Tables all;
    return all;
}

std::string format_name(Format format) {
    switch (format) {
        case Format::free:
            return "a string";
        case Format::filled:
            return "a non-empty string";
        case Format::subdomain:
        case Format::label_name:
        case Format::service_name:
            return "a name";
        case Format::port_name:
            return "a port name";
        case Format::key:
            return "a key";
        case Format::labels:
        case Format::annotations:
            return "a map";
    }
    return "a string";
}

std::string integer_name(const Type& type) {
    const bool has_least = type.least != unbounded_below;
    const bool has_most = type.most != unbounded_above;
    if (has_least && has_most) {
        return fmt::format("an integer from {} to {}", type.least, type.most);
    }
    if (has_least) return fmt::format("an integer of at least {}", type.least);
    return "an integer";
}

}  // namespace

std::string Type::name() const {
    switch (shape) {
        case Shape::any:
            return "anything";
        case Shape::object:
        case Shape::record:
            return "an object";
        case Shape::map:
            return "a map";
        case Shape::list:
            return "a list";
        case Shape::text:
            return format_name(format);
        case Shape::boolean:
            return "true or false";
        case Shape::integer:
            return integer_name(*this);
        case Shape::number:
            return "a number";
        case Shape::int_or_text:
            return "an integer or a string";
        case Shape::int_or_percent:
            return "an integer or a percentage";
        case Shape::quantity:
            return "a quantity";
        case Shape::duration:
            return "a duration";
        case Shape::time:
            return "a time";
        case Shape::base64:
            return "base64 text";
        case Shape::enumeration:
            return fmt::format("one of {}", fmt::join(words, ", "));
    }
    return "anything";
}

const Field* Record::find(std::string_view field) const {
    for (const Field& one : fields) {
        if (one.name == field) return &one;
    }
    return nullptr;
}

const Record& schema_of(const ResourceType& type) {
    const auto found = tables().records().find(type.kind);
    SERIN_CHECK(found != tables().records().end());
    return found->second;
}

const std::map<std::string, Record, std::less<>>& schema_records() {
    return tables().records();
}

}  // namespace serin::manifest
