#include "base/document.h"

#include "base/yaml_error.h"
#include "base/yaml_scalar.h"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace serin {

namespace {

constexpr int depth_max = 128;                 // As for JSON texts.
constexpr size_t expanded_max = 10U << 20U;    // Bytes that anchors and aliases may add.
constexpr size_t marks_size_max = 64U << 20U;  // Beyond it, parts have their ancestor's mark.
constexpr size_t diagnostics_max = 100;

Mark to_mark(const yaml_mark_t& mark) {
    return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

std::string_view view(const yaml_char_t* text) {
    // libyaml's characters are UTF-8 bytes.
    return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

std::string_view scalar_text(const yaml_event_t& event) {
    const auto* text = reinterpret_cast<const char*>(event.data.scalar.value);
    return {text, event.data.scalar.length};
}

// About what a value takes in memory.
size_t weigh(const json::Value& value) {
    size_t weight = sizeof(json::Value);
    if (const auto* text = value.if_string()) weight += text->size();
    if (const json::Array* items = value.if_array()) {
        for (const json::Value& item : *items) weight += weigh(item);
    }
    if (const json::Object* members = value.if_object()) {
        for (const auto& member : *members) weight += member.key().size() + weigh(member.value());
    }
    return weight;
}

bool needs_brackets(std::string_view key) {
    return key.find_first_of("./[]' ") != key.npos;
}

class Event {
public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { yaml_event_delete(&event_); }

    yaml_event_t* operator->() { return &event_; }
    yaml_event_t& operator*() { return event_; }

private:
    yaml_event_t event_{};
};

// One pass over the parser's events. Every `read_` function returns empty when reading has to end:
// after a syntax error the rest of the text has no structure to rely on.
class Reader {
public:
    Reader(std::string_view text, std::string_view file) : text_(text), file_(file) {
        yaml_parser_initialize(&parser_);
        yaml_parser_set_input_string(
            &parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { yaml_parser_delete(&parser_); }

    DocumentsRead read() && {
        for (;;) {
            Event event;
            if (!next(event) || event->type == YAML_STREAM_END_EVENT) break;
            if (event->type == YAML_DOCUMENT_START_EVENT && !read_document()) break;
        }
        return std::move(out_);
    }

private:
    struct Anchored {
        json::Value value;
        size_t weight = 0;
    };

    bool next(Event& event) {
        if (out_.diagnostics.size() >= diagnostics_max) return false;
        if (yaml_parser_parse(&parser_, &*event) == 1) return true;
        Diagnostic syntax = explain_yaml_error(parser_, text_);
        syntax.file = file_;
        out_.diagnostics.push_back(std::move(syntax));
        return false;
    }

    bool read_document() {
        anchors_.clear();
        pointer_.clear();
        path_.clear();
        document_ = Document{.file = file_, .root = nullptr, .marks = {}};
        Event event;
        if (!next(event)) return false;
        note_mark(*event);
        auto root = read_node(event, 0);
        if (!root) return false;
        document_.root = *std::move(root);
        if (!document_.root.is_null()) out_.documents.push_back(std::move(document_));
        return true;
    }

    std::optional<json::Value> read_node(Event& event, int depth) {
        if (depth > depth_max) {
            report(*event, "too deeply nested", fmt::format("at most {} levels", depth_max));
            return std::nullopt;
        }
        switch (event->type) {
            case YAML_ALIAS_EVENT:
                return read_alias(*event);
            case YAML_SCALAR_EVENT:
                return keep_anchor(event, event->data.scalar.anchor, read_scalar(*event));
            case YAML_SEQUENCE_START_EVENT:
                check_tag(*event, view(event->data.sequence_start.tag), YAML_SEQ_TAG);
                return keep_anchor(event, event->data.sequence_start.anchor, read_items(depth));
            case YAML_MAPPING_START_EVENT:
                check_tag(*event, view(event->data.mapping_start.tag), YAML_MAP_TAG);
                return keep_anchor(event, event->data.mapping_start.anchor, read_members(depth));
            case YAML_NO_EVENT:
            case YAML_STREAM_START_EVENT:
            case YAML_STREAM_END_EVENT:
            case YAML_DOCUMENT_START_EVENT:
            case YAML_DOCUMENT_END_EVENT:
            case YAML_SEQUENCE_END_EVENT:
            case YAML_MAPPING_END_EVENT:
                break;
        }
        return std::nullopt;  // The parser puts none of these where a node belongs.
    }

    std::optional<json::Value> read_items(int depth) {
        json::Array items;
        for (;;) {
            Event event;
            if (!next(event)) return std::nullopt;
            if (event->type == YAML_SEQUENCE_END_EVENT) return json::Value(std::move(items));

            const auto outer = enter(items.size());
            note_mark(*event);
            auto item = read_node(event, depth + 1);
            if (!item) return std::nullopt;
            leave(outer);
            items.push_back(*std::move(item));
        }
    }

    std::optional<json::Value> read_members(int depth) {
        json::Object members;
        std::map<std::string, int, std::less<>> lines;
        std::optional<json::Value> merged;
        for (;;) {
            Event key;
            if (!next(key)) return std::nullopt;
            if (key->type == YAML_MAPPING_END_EVENT) break;
            if (key->type != YAML_SCALAR_EVENT) {
                report(*key, "a key has to be a plain text", "write 'key: value'");
                return std::nullopt;
            }
            const std::string name(scalar_text(*key));
            const bool is_plain = key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
            if (is_plain && (name.empty() || name == "~")) {
                report(*key, "a key is missing before ':'", "write 'key: value'");
            }
            const auto outer = enter(name);
            note_mark(*key);
            const auto [first, is_new] = lines.emplace(name, to_mark(key->start_mark).line);
            if (!is_new) {
                report(
                    *key,
                    fmt::format("duplicate key '{}'", name),
                    fmt::format("it is already at line {}: remove one", first->second));
            }
            Event event;
            if (!next(event)) return std::nullopt;
            auto value = read_node(event, depth + 1);
            if (!value) return std::nullopt;
            if (is_plain && name == "<<") {
                check_merge(*event, *value);
                merged = std::move(value);
            } else if (is_new) {
                members.emplace(name, *std::move(value));
            }
            leave(outer);
        }
        if (merged) merge(members, *merged);
        return json::Value(std::move(members));
    }

    void check_merge(const yaml_event_t& event, const json::Value& source) {
        const json::Array* list = source.if_array();
        const bool is_usable = source.is_object() ||
                               (list != nullptr && std::ranges::all_of(*list, [](const auto& item) {
                                    return item.is_object();
                                }));
        if (!is_usable) report(event, "'<<' takes a mapping or a list of mappings", "");
    }

    // Members written out win over merged ones, earlier merged ones over later ones.
    static void merge(json::Object& members, const json::Value& source) {
        if (const json::Object* more = source.if_object()) {
            for (const auto& member : *more) members.emplace(member.key(), member.value());
        } else if (const json::Array* list = source.if_array()) {
            for (const json::Value& item : *list) merge(members, item);
        }
    }

    json::Value read_scalar(const yaml_event_t& event) {
        const std::string_view text = scalar_text(event);
        const std::string_view tag = view(event.data.scalar.tag);
        const bool is_plain = event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        if (tag == YAML_STR_TAG || tag == "!" || (tag.empty() && !is_plain)) {
            return json::string(text);
        }
        const PlainScalar scalar = resolve_plain(text);
        if (!scalar.is_finite) {
            report(event, fmt::format("'{}' is not a finite number", text), "quote it for a text");
        } else if (!scalar.surprise.empty()) {
            warn(event, std::string(scalar.surprise), text);
        }
        if (!tag.empty()) return retag(event, tag, text, scalar.value);
        return scalar.value;
    }

    json::Value retag(
        const yaml_event_t& event,
        std::string_view tag,
        std::string_view text,
        const json::Value& value) {
        if (tag == YAML_INT_TAG && (value.is_int64() || value.is_uint64())) return value;
        if (tag == YAML_FLOAT_TAG && value.is_number()) return *json::number(&value);
        if (tag == YAML_BOOL_TAG && value.is_bool()) return value;
        if (tag == YAML_NULL_TAG && value.is_null()) return value;
        const bool is_known = tag == YAML_INT_TAG || tag == YAML_FLOAT_TAG ||
                              tag == YAML_BOOL_TAG || tag == YAML_NULL_TAG;
        if (is_known) {
            report(event, fmt::format("'{}' does not fit its tag {}", text, tag), "remove the tag");
        } else {
            check_tag(event, tag, YAML_STR_TAG);
        }
        return json::string(text);
    }

    void check_tag(const yaml_event_t& event, std::string_view tag, std::string_view usual) {
        if (tag.empty() || tag == "!" || tag == usual) return;
        report(event, fmt::format("unsupported tag '{}'", tag), "remove the tag");
    }

    std::optional<json::Value> keep_anchor(
        Event& event, const yaml_char_t* anchor, std::optional<json::Value> value) {
        if (anchor == nullptr || !value) return value;
        Anchored kept{.value = *value, .weight = weigh(*value)};
        if (!spend(*event, kept.weight)) return std::nullopt;
        anchors_.insert_or_assign(std::string(view(anchor)), std::move(kept));
        return value;
    }

    std::optional<json::Value> read_alias(const yaml_event_t& event) {
        const auto name = view(event.data.alias.anchor);
        const auto found = anchors_.find(name);
        if (found == anchors_.end()) {
            report(
                event,
                fmt::format("unknown alias '*{}'", name),
                fmt::format(
                    "define it before with '&{}', or quote a text that starts with '*'", name));
            return json::Value(nullptr);
        }
        if (!spend(event, found->second.weight)) return std::nullopt;
        return found->second.value;
    }

    bool spend(const yaml_event_t& event, size_t weight) {
        expanded_ += weight;
        if (expanded_ <= expanded_max) return true;
        report(event, "the aliases expand to more than 10 MiB", "write the values out");
        return false;
    }

    // The lengths to cut back to when a part ends.
    struct Lengths {
        size_t pointer = 0;
        size_t path = 0;
    };

    Lengths enter(std::string_view key) {
        const Lengths outer{pointer_.size(), path_.size()};
        pointer_ += '/' + json::escape_pointer(key);
        if (needs_brackets(key)) {
            path_ += fmt::format("['{}']", key);
        } else {
            if (!path_.empty()) path_ += '.';
            path_ += key;
        }
        return outer;
    }

    Lengths enter(size_t index) {
        const Lengths outer{pointer_.size(), path_.size()};
        pointer_ += fmt::format("/{}", index);
        path_ += fmt::format("[{}]", index);
        return outer;
    }

    void leave(Lengths outer) {
        pointer_.resize(outer.pointer);
        path_.resize(outer.path);
    }

    void note_mark(const yaml_event_t& event) {
        marks_size_ += pointer_.size();
        if (marks_size_ <= marks_size_max) {
            document_.marks.emplace(pointer_, to_mark(event.start_mark));
        }
    }

    void report(const yaml_event_t& event, std::string message, std::string suggestion) {
        const Mark mark = to_mark(event.start_mark);
        out_.diagnostics.push_back(
            {.severity = Severity::error,
             .file = file_,
             .line = mark.line,
             .column = mark.column,
             .path = path_,
             .message = std::move(message),
             .suggestion = std::move(suggestion)});
    }

    void warn(const yaml_event_t& event, std::string message, std::string_view text) {
        report(event, std::move(message), fmt::format("write \"{}\" if a text is meant", text));
        out_.diagnostics.back().severity = Severity::warning;
    }

    std::string_view text_;
    std::string file_;
    yaml_parser_t parser_{};
    DocumentsRead out_;
    Document document_;
    std::map<std::string, Anchored, std::less<>> anchors_;
    size_t expanded_ = 0;
    size_t marks_size_ = 0;
    std::string pointer_;  // Where the reader is, for programs
    std::string path_;     // and for people.
};

}  // namespace

Mark Document::mark(std::string_view pointer) const {
    for (;;) {
        if (const auto found = marks.find(std::string(pointer)); found != marks.end()) {
            return found->second;
        }
        if (pointer.empty()) return {};
        pointer = pointer.substr(0, pointer.rfind('/') == pointer.npos ? 0 : pointer.rfind('/'));
    }
}

DocumentsRead read_documents(std::string_view text, std::string_view file) {
    return Reader(text, file).read();
}

}  // namespace serin
