#include "manifest/check_shape.h"

#include "base/time.h"
#include "manifest/formats.h"
#include "manifest/similar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace serin::manifest {

namespace {

std::string_view key_of(const json::Object::value_type& member) {
    return {member.key().data(), member.key().size()};
}

std::string_view found_name(const json::Value& value) {
    switch (value.kind()) {
        case boost::json::kind::null:
            return "nothing";
        case boost::json::kind::bool_:
            return "a boolean";
        case boost::json::kind::int64:
        case boost::json::kind::uint64:
            return "an integer";
        case boost::json::kind::double_:
            return "a number";
        case boost::json::kind::string:
            return "a string";
        case boost::json::kind::array:
            return "a list";
        case boost::json::kind::object:
            return "an object";
    }
    return "something else";
}

bool is_integer_text(std::string_view text) {
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

bool wants_text(Shape shape) {
    return shape == Shape::text || shape == Shape::enumeration || shape == Shape::base64 ||
           shape == Shape::time || shape == Shape::int_or_text || shape == Shape::int_or_percent;
}

// How to write what was probably meant.
std::string advice(const Type& type, const json::Value& value) {
    const auto text = json::text(&value);
    if (type.shape == Shape::integer || type.shape == Shape::number) {
        if (text && is_integer_text(*text))
            return fmt::format("write {}, not \"{}\"", *text, *text);
    }
    if (type.shape == Shape::boolean && (text == "true" || text == "false")) {
        return fmt::format("write {}, not \"{}\"", *text, *text);
    }
    if (type.shape == Shape::boolean && (text == "yes" || text == "no")) {
        return *text == "yes" ? "write true" : "write false";
    }
    const bool is_scalar = value.is_bool() || value.is_number();
    if (type.shape == Shape::duration && value.is_number()) {
        return fmt::format("write \"{}s\"", json::print(value));
    }
    if (wants_text(type.shape) && is_scalar) {
        return fmt::format("write \"{}\" in quotes", json::print(value));
    }
    if (type.shape == Shape::list && !value.is_array()) return "begin each item with '- '";
    return {};
}

class Shaper {
public:
    explicit Shaper(Findings& findings) : findings_(findings) {}

    void check_record(const Record& record, const json::Object& object) {
        for (const auto& member : object) {
            const Field* field = record.find(key_of(member));
            const Step step(*this, key_of(member));
            if (!field) {
                if (!record.is_open) report_unknown(record, key_of(member));
            } else if (!member.value().is_null()) {
                check_field(*field, member.value());
            }
        }
        for (const Field& field : record.fields) {
            const json::Value* value = object.if_contains(field.name);
            if (!field.is_required || (value && !value->is_null())) continue;
            const Step step(*this, field.name);
            findings_.error(at_, "required field is missing", "it is " + field.type->name());
        }
        check_choice(record, object);
    }

private:
    // Extends the pointer for as long as it lives.
    class Step {
    public:
        Step(Shaper& shaper, std::string_view key) : shaper_(shaper), length_(shaper.at_.size()) {
            shaper.at_ += '/';
            shaper.at_ += json::escape_pointer(key);
        }
        Step(Shaper& shaper, std::size_t index) : Step(shaper, std::to_string(index)) {}
        Step(const Step&) = delete;
        Step& operator=(const Step&) = delete;
        ~Step() { shaper_.at_.resize(length_); }

    private:
        Shaper& shaper_;
        std::size_t length_;
    };

    void report_unknown(const Record& record, std::string_view key) {
        std::vector<std::string> names;
        names.reserve(record.fields.size());
        for (const Field& field : record.fields) names.push_back(field.name);
        const std::string similar = most_similar(key, names);
        std::string suggestion;
        if (!similar.empty()) {
            suggestion = fmt::format("did you mean '{}'?", similar);
        } else if (names.size() <= 12) {
            suggestion = fmt::format("known are {}", fmt::join(names, ", "));
        }
        findings_.error(at_, "unknown field", std::move(suggestion));
    }

    void check_choice(const Record& record, const json::Object& object) {
        if (record.choice == Record::Choice::free) return;
        std::vector<std::string> given;
        std::string empty;
        for (const auto& member : object) {
            const std::string name(key_of(member));
            if (std::ranges::find(record.choices, name) == record.choices.end()) {
                // Of an open or misspelt member nobody knows whether it is the choice.
                if (!record.find(name)) return;
                continue;
            }
            if (member.value().is_null()) {
                empty = name;
            } else {
                given.push_back(name);
            }
        }
        if (given.size() > 1) {
            findings_.error(
                at_ + "/" + json::escape_pointer(given[1]),
                fmt::format("only one of {} is possible here", fmt::join(given, ", ")),
                record.name == "Step" ? "write a step of its own, beginning with '- '" : "");
        } else if (given.empty() && record.choice == Record::Choice::exactly_one) {
            findings_.error(
                at_,
                fmt::format("needs exactly one of {}", fmt::join(record.choices, ", ")),
                empty.empty() ? "" : fmt::format("write '{}: {{}}'", empty));
        }
    }

    // Of a part without effect only the outermost field is worth a warning.
    void check_field(const Field& field, const json::Value& value) {
        const bool was_without_effect = is_without_effect_;
        if (!field.has_effect && !is_without_effect_) {
            findings_.warn(at_, "has no effect on one machine");
            is_without_effect_ = true;
        }
        check(*field.type, value);
        is_without_effect_ = was_without_effect;
    }

    void wrong_type(const Type& type, const json::Value& value) {
        findings_.error(
            at_,
            fmt::format("wrong type: expected {}, found {}", type.name(), found_name(value)),
            advice(type, value));
    }

    void check(const Type& type, const json::Value& value) {
        switch (type.shape) {
            case Shape::any:
                return;
            case Shape::object:
                return value.is_object() ? void() : wrong_type(type, value);
            case Shape::record:
                if (!value.is_object()) return wrong_type(type, value);
                return check_record(*type.record, value.get_object());
            case Shape::map:
                return check_map(type, value);
            case Shape::list:
                return check_list(type, value);
            case Shape::boolean:
                return value.is_bool() ? void() : wrong_type(type, value);
            case Shape::integer:
                return check_integer(type, value);
            case Shape::number:
                return value.is_number() ? void() : wrong_type(type, value);
            case Shape::int_or_text:
            case Shape::int_or_percent:
            case Shape::quantity:
                return check_number_or_text(type, value);
            case Shape::text:
            case Shape::duration:
            case Shape::time:
            case Shape::base64:
            case Shape::enumeration:
                return check_text(type, value);
        }
    }

    void check_integer(const Type& type, const json::Value& value) {
        const auto number = json::integer(&value);
        if (!number) return wrong_type(type, value);
        if (*number >= type.least && *number <= type.most) return;
        if (*number < 0 && type.least == 0) {
            findings_.error(at_, fmt::format("must not be negative, is {}", *number));
        } else {
            findings_.error(at_, fmt::format("must be {}, is {}", type.name(), *number));
        }
    }

    void check_number_or_text(const Type& type, const json::Value& value) {
        const auto text = json::text(&value);
        if (text) {
            complain(
                type.shape == Shape::quantity         ? quantity_problem(*text)
                : type.shape == Shape::int_or_percent ? percentage_problem(*text)
                                                      : std::string());
            return;
        }
        if (type.shape == Shape::quantity && value.is_number()) return;
        const auto number = json::integer(&value);
        if (!number) return wrong_type(type, value);
        if (type.shape == Shape::int_or_percent && *number < 0) {
            findings_.error(at_, fmt::format("must not be negative, is {}", *number));
        }
    }

    void check_text(const Type& type, const json::Value& value) {
        const auto text = json::text(&value);
        if (!text) return wrong_type(type, value);
        if (is_filled_in_later(*text)) return;
        if (type.shape == Shape::duration) return check_duration(type, *text);
        if (type.shape == Shape::time) {
            const auto time = parse_time(*text);
            if (!time) findings_.error(at_, "is not a time", "write 2026-01-31T12:00:00Z");
        } else if (type.shape == Shape::base64) {
            complain(base64_problem(*text));
        } else if (type.shape == Shape::enumeration) {
            check_word(type, *text);
        } else {
            complain(format_problem(type.format, *text));
        }
    }

    // Arguments of an analysis may stand anywhere in the Job that a metric describes.
    bool is_filled_in_later(std::string_view text) const {
        return text.contains("{{") && at_.contains("/provider/job/");
    }

    void check_duration(const Type& type, std::string_view text) {
        if (type.is_templated && text.contains("{{")) return;
        const auto duration = parse_duration(text);
        if (!duration) {
            findings_.error(
                at_,
                fmt::format("'{}' is not a duration", text),
                is_integer_text(text) ? fmt::format("write \"{}s\"", text)
                                      : "write \"30s\", \"5m\" or \"1h30m\"");
        } else if (*duration < Duration(0)) {
            findings_.error(at_, fmt::format("must not be negative, is {}", text));
        }
    }

    void check_word(const Type& type, std::string_view text) {
        if (std::ranges::find(type.words, text) != type.words.end()) return;
        const std::string similar = most_similar(text, type.words);
        findings_.error(
            at_,
            fmt::format("unknown value '{}'", text),
            similar.empty() ? fmt::format("known are {}", fmt::join(type.words, ", "))
                            : fmt::format("did you mean '{}'?", similar));
    }

    static std::string format_problem(Format format, std::string_view text) {
        switch (format) {
            case Format::free:
            case Format::labels:
            case Format::annotations:
                return {};
            case Format::filled:
                return text.empty() ? "must not be empty" : "";
            case Format::subdomain:
                return subdomain_problem(text);
            case Format::label_name:
                return label_name_problem(text);
            case Format::service_name:
                return service_name_problem(text);
            case Format::port_name:
                return port_name_problem(text);
            case Format::key:
                return data_key_problem(text);
        }
        return {};
    }

    void complain(std::string problem) {
        if (!problem.empty()) findings_.error(at_, std::move(problem));
    }

    void check_map(const Type& type, const json::Value& value) {
        if (!value.is_object()) return wrong_type(type, value);
        for (const auto& member : value.get_object()) {
            const Step step(*this, key_of(member));
            const bool has_label_keys =
                type.format == Format::labels || type.format == Format::annotations;
            if (has_label_keys) {
                if (auto problem = label_key_problem(key_of(member)); !problem.empty()) {
                    findings_.error(at_, "bad key: " + problem);
                }
            }
            if (member.value().is_null()) continue;
            check(*type.element, member.value());
            const auto text = json::text(&member.value());
            if (type.format == Format::labels && text && !is_filled_in_later(*text))
                complain(label_value_problem(*text));
        }
    }

    void check_list(const Type& type, const json::Value& value) {
        if (!value.is_array()) return wrong_type(type, value);
        const json::Array& items = value.get_array();
        if (type.is_filled && items.empty()) findings_.error(at_, "must not be empty");
        std::map<std::string, std::size_t, std::less<>> seen;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const Step step(*this, i);
            check(*type.element, items[i]);
            const json::Object* item = json::object(&items[i]);
            if (type.merge_key.empty() || !item) continue;
            const auto name = json::text(item->if_contains(type.merge_key));
            if (!name) continue;
            const auto [former, is_new] = seen.emplace(*name, i);
            if (is_new) continue;
            findings_.error(
                at_ + "/" + type.merge_key,
                fmt::format("duplicate {} '{}'", type.merge_key, *name),
                fmt::format("item {} has it already", former->second));
        }
    }

    Findings& findings_;
    std::string at_;  // The pointer to what is being checked.
    bool is_without_effect_ = false;
};

}  // namespace

void check_shape(const Record& record, Findings& findings) {
    Shaper(findings).check_record(record, findings.root());
}

}  // namespace serin::manifest
