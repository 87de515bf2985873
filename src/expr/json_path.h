#pragma once

#include "base/json.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// Kubernetes' JSONPath, as far as one value is looked up: "{$.data.rate}", ".items[0]['name']",
// "[*]", "[-1]", "[1:3]", "['a','b']", "..name", "[?(@.name == \"x\")].value". Not known: ranges
// with text around them, "and" and "or" in filters.

namespace serin::expr {

class JsonPath {
public:
    // Fails with `invalid`, naming the column.
    static Result<JsonPath> parse(std::string_view text);

    // Everything the path leads to, in document order; the pointers live as long as `root`. Fails
    // with `not_found` where a named member or an index is missing on a plain way, with `invalid`
    // where there are too many matches.
    Result<std::vector<const json::Value*>> find(const json::Value& root) const;
    // The first of them; fails with `not_found` too if there is none.
    Result<const json::Value*> first(const json::Value& root) const;

private:
    friend class JsonPathParser;

    struct Filter;
    struct Search;
    struct Member {
        std::string name;
    };
    struct Index {
        std::int64_t index = 0;
    };
    struct Slice {
        std::optional<std::int64_t> from, to;
        std::int64_t step = 1;
    };
    struct All {};
    struct Descendants {};  // The value itself and everything below.
    using Selector =
        std::variant<Member, Index, Slice, All, Descendants, std::shared_ptr<const Filter>>;
    using Step = std::vector<Selector>;  // More than one: a union.

    Result<> select(
        const Selector& selector,
        const json::Value& from,
        Search& search,
        bool is_plain,
        std::vector<const json::Value*>& out) const;
    Result<bool> accepts(const Filter& filter, const json::Value& item, Search& search) const;
    Result<std::vector<const json::Value*>> find(const json::Value& from, Search& search) const;

    std::vector<Step> steps_;
};

}  // namespace serin::expr
