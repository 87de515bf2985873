#include "expr/json_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace serin::expr {

namespace {

constexpr std::size_t matches_max = 100'000;
constexpr std::size_t visits_max = 1'000'000;
constexpr int filter_depth_max = 16;

using Values = std::vector<const json::Value*>;

Result<> gather(const json::Value& value, Values& out) {
    if (out.size() >= matches_max) return fail(ErrorKind::invalid, "the path has too many matches");
    out.push_back(&value);
    if (const json::Array* items = value.if_array()) {
        for (const json::Value& item : *items) SERIN_TRY_DO(gather(item, out));
    } else if (const json::Object* members = value.if_object()) {
        for (const auto& member : *members) SERIN_TRY_DO(gather(member.value(), out));
    }
    return {};
}

// -1, 0, 1; nothing for values without an order.
std::optional<int> compare(const json::Value& left, const json::Value& right) {
    const auto order = [](const auto& one, const auto& other) {
        return one < other ? -1 : other < one ? 1 : 0;
    };
    if (left.is_number() && right.is_number()) {
        return order(*json::number(&left), *json::number(&right));
    }
    if (left.is_string() && right.is_string()) {
        return order(*json::text(&left), *json::text(&right));
    }
    return std::nullopt;
}

}  // namespace

// One look-up, its filters' look-ups included.
struct JsonPath::Search {
    const json::Value& root;
    std::size_t visits = 0;
};

// left op right; without an operator: whether left leads anywhere.
struct JsonPath::Filter {
    struct Operand {
        std::optional<json::Value> literal;
        bool is_from_root = false;
        JsonPath path;
    };
    Operand left;
    std::string op;
    Operand right;
};

class JsonPathParser {
public:
    explicit JsonPathParser(std::string_view text, int depth = 0) : text_(text), depth_(depth) {}

    Result<JsonPath> run() {
        const bool has_braces = accept("{");
        if (!accept("$")) accept("@");
        SERIN_TRY(JsonPath path, read_steps());
        if (has_braces && !accept("}")) return stop("expected '}'");
        if (at_ < text_.size()) return stop("unexpected text");
        return path;
    }

private:
    std::unexpected<Error> stop(std::string_view message) const {
        return fail(
            ErrorKind::invalid, fmt::format("not a JSONPath: {} at column {}", message, at_ + 1));
    }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    bool accept(std::string_view token) {
        if (!text_.substr(at_).starts_with(token)) return false;
        at_ += token.size();
        return true;
    }

    void skip_space() {
        while (peek() == ' ') ++at_;
    }

    Result<JsonPath> read_steps() {
        JsonPath path;
        for (;;) {
            if (accept("..")) {
                path.steps_.push_back({JsonPath::Descendants{}});
                if (peek() == '[') continue;
                SERIN_TRY_DO(read_name(path));
            } else if (accept(".")) {
                if (peek() == '[' || peek() == '}' || at_ == text_.size()) continue;
                SERIN_TRY_DO(read_name(path));
            } else if (accept("[")) {
                SERIN_TRY(JsonPath::Step step, read_brackets());
                path.steps_.push_back(std::move(step));
            } else if (path.steps_.empty() && is_name(peek())) {
                SERIN_TRY_DO(read_name(path));  // "{data.rate}" works on a cluster, too.
            } else {
                return path;
            }
        }
    }

    static bool is_name(char c) {
        return c != '\0' && !std::string_view(" .[]{}()=!<>,'\"$@?*").contains(c);
    }

    Result<> read_name(JsonPath& path) {
        if (accept("*")) {
            path.steps_.push_back({JsonPath::All{}});
            return {};
        }
        std::string name;
        while (is_name(peek())) {
            if (peek() == '\\' && at_ + 1 < text_.size()) ++at_;
            name += text_[at_++];
        }
        if (name.empty()) return stop("expected a name");
        path.steps_.push_back({JsonPath::Member{std::move(name)}});
        return {};
    }

    Result<JsonPath::Step> read_brackets() {
        JsonPath::Step step;
        do {
            skip_space();
            SERIN_TRY(JsonPath::Selector selector, read_selector());
            step.push_back(std::move(selector));
            skip_space();
        } while (accept(","));
        if (!accept("]")) return stop("expected ']'");
        return step;
    }

    Result<JsonPath::Selector> read_selector() {
        if (accept("*")) return JsonPath::Selector(JsonPath::All{});
        if (accept("?(")) {
            SERIN_TRY(auto filter, read_filter());
            return JsonPath::Selector(std::move(filter));
        }
        if (peek() == '\'' || peek() == '"') {
            SERIN_TRY(std::string name, read_quoted());
            return JsonPath::Selector(JsonPath::Member{std::move(name)});
        }
        SERIN_TRY(const auto first, read_integer());
        if (!accept(":")) {
            if (!first) return stop("expected an index, a quoted name, '*' or '?('");
            return JsonPath::Selector(JsonPath::Index{*first});
        }
        JsonPath::Slice slice{.from = first, .to = {}};
        SERIN_TRY(slice.to, read_integer());
        if (accept(":")) {
            SERIN_TRY(const auto step, read_integer());
            slice.step = step.value_or(1);
        }
        if (slice.step < 1) return stop("the step of a slice has to be positive");
        return JsonPath::Selector(slice);
    }

    Result<std::optional<std::int64_t>> read_integer() {
        std::int64_t number = 0;
        const char* begin = text_.data() + at_;
        const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
        if (error == std::errc::result_out_of_range) return stop("the number is too large");
        if (error != std::errc()) return std::optional<std::int64_t>();
        at_ += static_cast<std::size_t>(end - begin);
        return number;
    }

    Result<std::string> read_quoted() {
        const char quote = text_[at_++];
        std::string out;
        while (at_ < text_.size() && text_[at_] != quote) {
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
            out += text_[at_++];
        }
        if (at_ >= text_.size()) return stop("the quote is never closed");
        ++at_;
        return out;
    }

    Result<std::shared_ptr<const JsonPath::Filter>> read_filter() {
        if (++depth_ > filter_depth_max) return stop("filters are nested too deeply");
        auto filter = std::make_shared<JsonPath::Filter>();
        SERIN_TRY(filter->left, read_operand());
        skip_space();
        for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
            if (!accept(op)) continue;
            filter->op = op;
            SERIN_TRY(filter->right, read_operand());
            break;
        }
        skip_space();
        if (!accept(")")) return stop("expected ')' or a comparison");
        --depth_;
        return filter;
    }

    Result<JsonPath::Filter::Operand> read_operand() {
        skip_space();
        JsonPath::Filter::Operand operand;
        const char c = peek();
        if (c == '@' || c == '$') {
            ++at_;
            operand.is_from_root = c == '$';
            SERIN_TRY(operand.path, read_steps());
            return operand;
        }
        if (c == '\'' || c == '"') {
            SERIN_TRY(const std::string text, read_quoted());
            operand.literal = json::string(text);
            return operand;
        }
        const std::size_t end = std::min(text_.find_first_of(" )=!<>", at_), text_.size());
        const auto literal = json::parse(text_.substr(at_, end - at_));
        if (!literal) return stop("expected '@', a quoted text, a number, true or false");
        at_ = end;
        operand.literal = *literal;
        return operand;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

Result<JsonPath> JsonPath::parse(std::string_view text) {
    return JsonPathParser(text).run();
}

Result<bool> JsonPath::accepts(
    const Filter& filter, const json::Value& item, Search& search) const {
    const auto value_of = [&](const Filter::Operand& operand) -> Result<const json::Value*> {
        if (operand.literal) return &*operand.literal;
        auto found = operand.path.find(operand.is_from_root ? search.root : item, search);
        if (!found && found.error().kind != ErrorKind::not_found) {
            return std::unexpected(std::move(found).error());
        }
        return found && !found->empty() ? found->front() : nullptr;
    };
    SERIN_TRY(const json::Value* left, value_of(filter.left));
    if (left == nullptr || filter.op.empty()) return left != nullptr;
    SERIN_TRY(const json::Value* right, value_of(filter.right));
    if (right == nullptr) return false;
    if (filter.op == "==") return json::same(*left, *right);
    if (filter.op == "!=") return !json::same(*left, *right);
    const auto order = compare(*left, *right);
    if (!order) return false;
    if (filter.op == "<") return *order < 0;
    if (filter.op == "<=") return *order <= 0;
    if (filter.op == ">") return *order > 0;
    return *order >= 0;
}

// On a plain way (no wildcard before) a missing part is an error; else it is no match.
Result<> JsonPath::select(
    const Selector& selector,
    const json::Value& from,
    Search& search,
    bool is_plain,
    Values& out) const {
    if (++search.visits > visits_max) {
        return fail(ErrorKind::invalid, "the path takes too much work");
    }
    const json::Array* items = from.if_array();
    const json::Object* members = from.if_object();
    if (const auto* member = std::get_if<Member>(&selector)) {
        const json::Value* found =
            members == nullptr ? nullptr : members->if_contains(member->name);
        if (found != nullptr) out.push_back(found);
        if (found != nullptr || !is_plain) return {};
        return fail(ErrorKind::not_found, fmt::format("{} is not found", member->name));
    }
    if (const auto* index = std::get_if<Index>(&selector)) {
        const auto size = static_cast<std::int64_t>(items == nullptr ? 0 : items->size());
        const std::int64_t at = index->index < 0 ? index->index + size : index->index;
        if (0 <= at && at < size) out.push_back(&(*items)[static_cast<std::size_t>(at)]);
        if ((0 <= at && at < size) || !is_plain) return {};
        if (items == nullptr) {
            return fail(
                ErrorKind::not_found, fmt::format("[{}] is not found: no array", index->index));
        }
        return fail(
            ErrorKind::not_found,
            fmt::format("array index out of bounds: index {}, length {}", index->index, size));
    }
    if (const auto* slice = std::get_if<Slice>(&selector)) {
        const auto size = static_cast<std::int64_t>(items == nullptr ? 0 : items->size());
        const auto place = [size](std::int64_t at) {
            return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
        };
        const std::int64_t end = place(slice->to.value_or(size));
        for (std::int64_t at = place(slice->from.value_or(0)); at < end;) {
            out.push_back(&(*items)[static_cast<std::size_t>(at)]);
            at = slice->step < end - at ? at + slice->step : end;
        }
        return {};
    }
    if (std::holds_alternative<Descendants>(selector)) return gather(from, out);

    const auto* filter = std::get_if<std::shared_ptr<const Filter>>(&selector);
    const auto take = [&](const json::Value& item) -> Result<> {
        if (++search.visits > visits_max) {
            return fail(ErrorKind::invalid, "the path takes too much work");
        }
        if (filter != nullptr) {
            SERIN_TRY(const bool is_accepted, accepts(**filter, item, search));
            if (!is_accepted) return {};
        }
        out.push_back(&item);
        return {};
    };
    if (items != nullptr) {
        for (const json::Value& item : *items) SERIN_TRY_DO(take(item));
    } else if (members != nullptr && filter == nullptr) {
        for (const auto& member : *members) SERIN_TRY_DO(take(member.value()));
    }
    return {};
}

Result<Values> JsonPath::find(const json::Value& root) const {
    Search search{.root = root};
    return find(root, search);
}

Result<Values> JsonPath::find(const json::Value& from, Search& search) const {
    Values at{&from};
    bool is_plain = true;
    for (const Step& step : steps_) {
        Values next;
        for (const json::Value* value : at) {
            for (const Selector& selector : step) {
                SERIN_TRY_DO(select(selector, *value, search, is_plain, next));
                if (next.size() > matches_max) {
                    return fail(ErrorKind::invalid, "the path has too many matches");
                }
            }
        }
        const bool names_one = step.size() == 1 && (std::holds_alternative<Member>(step.front()) ||
                                                    std::holds_alternative<Index>(step.front()));
        is_plain = is_plain && names_one;
        at = std::move(next);
    }
    return at;
}

Result<const json::Value*> JsonPath::first(const json::Value& root) const {
    SERIN_TRY(const Values found, find(root));
    if (found.empty()) return fail(ErrorKind::not_found, "the path leads to no value");
    return found.front();
}

}  // namespace serin::expr
