#include "judge/shadow/compare.h"

#include "base/json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace serin::judge::shadow {

namespace {

// A body with more different places than that is compared as a whole.
constexpr std::size_t places_max = 2000;
// An object with more members is a table: their names are data.
constexpr std::size_t members_max = 100;
constexpr std::size_t name_bytes_max = 64;
constexpr int name_digits_max = 3;

constexpr std::array<std::string_view, 4> words{"missing", "type", "length", "value"};

// FNV-1a, 64 bit.
class Digest {
public:
    void add(std::string_view text) {
        for (const char c : text) {
            value_ ^= static_cast<unsigned char>(c);
            value_ *= 1'099'511'628'211U;
        }
        // So that "ab", "c" is not "a", "bc".
        value_ ^= text.size();
        value_ *= 1'099'511'628'211U;
    }
    std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 14'695'981'039'346'656'037U;
};

// What a JSON body has at one place, over all indexes.
struct Seen {
    unsigned types = 0;  // A bit each.
    Digest lengths;      // Of arrays.
    Digest values;       // Of scalars, in order.
};
using Places = std::map<std::string, Seen>;

// Identifiers are names that a programmer chose; everything else may be somebody's data.
bool is_field_name(std::string_view name) {
    if (name.empty() || name.size() > name_bytes_max) return false;
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
    };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!is_letter(name.front())) return false;
    return std::ranges::count_if(name, is_digit) <= name_digits_max &&
           std::ranges::all_of(
               name, [&](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; });
}

unsigned type_bit(const json::Value& value) {
    if (value.is_number()) return 1U;  // 1 and 1.0 are the same number.
    return 2U << static_cast<unsigned>(value.kind());
}

std::string text_of(const json::Value& value) {
    if (const json::Value* number = value.is_number() ? &value : nullptr) {
        // 1.0 as 1.
        if (const auto whole = json::integer(number)) return std::to_string(*whole);
    }
    return json::print(value);
}

class Reader {
public:
    explicit Reader(const Spec& spec) : spec_(spec) {}

    // Empty: too many places.
    std::optional<Places> read(const json::Value& body) {
        add(body, "");
        if (places_.size() > places_max) return std::nullopt;
        return std::move(places_);
    }

private:
    // Depth is bounded by the parser.
    void add(const json::Value& value, const std::string& place) {
        if (places_.size() > places_max || is_ignored(place)) return;
        Seen& seen = places_[place];
        seen.types |= type_bit(value);
        if (const json::Array* list = json::array(&value)) {
            seen.lengths.add(std::to_string(list->size()));
            for (const json::Value& item : *list) add(item, place + "/*");
        } else if (const json::Object* object = json::object(&value)) {
            const bool is_table = object->size() > members_max;
            for (const auto& member : *object) {
                const std::string_view name(member.key().data(), member.key().size());
                const bool is_named = !is_table && is_field_name(name);
                add(member.value(), place + "/" + (is_named ? std::string(name) : "*"));
            }
        } else {
            seen.values.add(text_of(value));
        }
    }
    bool is_ignored(const std::string& place) const {
        return std::ranges::any_of(
            spec_.ignore, [&](const std::string& pattern) { return covers(pattern, place); });
    }

    const Spec& spec_;
    Places places_;
};

template <class T>
using Three = std::array<T, 3>;  // The candidate first.

// Which of the three differs from the other two, which are equal.
template <class T>
std::optional<std::size_t> odd_of(const Three<T>& three) {
    if (three[1] == three[2]) return three[0] == three[1] ? std::nullopt : std::optional(0UL);
    if (three[0] == three[2]) return 1;
    if (three[0] == three[1]) return 2;
    return std::nullopt;
}

class Comparison {
    template <class Get>
    auto of_each(Get get) const {
        using T = std::decay_t<decltype(get(*answers_[0]))>;
        return Three<T>{get(*answers_[0]), get(*answers_[1]), get(*answers_[2])};
    }

public:
    Comparison(const Spec& spec, Three<const Answer*> answers) : spec_(spec), answers_(answers) {}

    std::vector<OddOne> run() && {
        const auto have = of_each([](const Answer& one) { return one.status != 0; });
        note_presence("answer", have);
        if (std::ranges::count(have, true) == 3) {
            const auto statuses = of_each([](const Answer& one) { return one.status; });
            note("status", Difference::value, statuses);
            note("content-type", Difference::value, of_each([](const Answer& one) {
                     return one.content_type;
                 }));
            for (const std::string& name : spec_.headers) compare_header(name);
            // The body of an error says nothing about that of a success.
            if (statuses[0] == statuses[1] && statuses[1] == statuses[2]) compare_bodies();
        }
        return std::move(found_);
    }

private:
    template <class T>
    void note(const std::string& field, Difference difference, const Three<T>& three) {
        if (const auto odd = odd_of(three))
            found_.push_back({.field = field, .difference = difference, .is_candidate = *odd == 0});
    }

    // Whether all three have it.
    bool note_presence(const std::string& field, const Three<bool>& have) {
        if (const auto odd = odd_of(have))
            found_.push_back(
                {.field = field,
                 .difference = Difference::missing,
                 .is_candidate = *odd == 0,
                 .has_it = have[*odd]});
        return have[0] && have[1] && have[2];
    }

    void compare_header(const std::string& name) {
        const auto values = of_each([&](const Answer& one) {
            const auto found = one.headers.find(name);
            return found == one.headers.end() ? std::optional<std::string>() : found->second;
        });
        const Three<bool> have{values[0].has_value(), values[1].has_value(), values[2].has_value()};
        if (note_presence("header " + name, have))
            note("header " + name, Difference::value, values);
    }

    void compare_bodies() {
        if (std::ranges::find(spec_.ignore, "/") != spec_.ignore.end() || are_same()) return;
        enum class Form { none, json, other };
        Three<Places> places;
        Three<Form> forms{};
        for (std::size_t i = 0; i < 3; ++i) {
            const Answer& answer = *answers_[i];
            auto read = places_of(answer);
            forms[i] = answer.body.empty() ? Form::none : read ? Form::json : Form::other;
            if (read) places[i] = *std::move(read);
        }
        note("body", Difference::type, forms);
        if (forms[0] != forms[1] || forms[1] != forms[2] || forms[0] == Form::none) return;
        if (forms[0] == Form::json) return compare_places(places);
        note("body", Difference::value, of_each([](const Answer& one) {
                 Digest digest;
                 digest.add(one.body);
                 return std::tuple(digest.value(), one.is_cut, one.rest);
             }));
    }

    // To the byte: there is nothing to take apart.
    bool are_same() const {
        const auto is_as_first = [&](const Answer* one) {
            const Answer& first = *answers_[0];
            return one->body == first.body && one->content_type == first.content_type &&
                   one->is_cut == first.is_cut && one->rest == first.rest;
        };
        return std::ranges::all_of(answers_, is_as_first);
    }

    std::optional<Places> places_of(const Answer& answer) const {
        if (answer.is_cut || !answer.content_type.contains("json")) return std::nullopt;
        const auto body = json::parse(answer.body);
        if (!body) return std::nullopt;
        return Reader(spec_).read(*body);
    }

    void compare_places(const Three<Places>& places) {
        std::map<std::string, Three<const Seen*>> all;
        for (std::size_t i = 0; i < 3; ++i)
            for (const auto& [place, seen] : places[i]) all[place][i] = &seen;
        for (const auto& [place, seen] : all) {
            const std::string field = place.empty() ? "/" : place;
            const Three<bool> have{seen[0] != nullptr, seen[1] != nullptr, seen[2] != nullptr};
            if (!note_presence(field, have)) continue;
            const Three<unsigned> types{seen[0]->types, seen[1]->types, seen[2]->types};
            note(field, Difference::type, types);
            if (types[0] != types[1] || types[1] != types[2]) continue;
            const auto digests = [&](Digest Seen::* of) {
                return Three<std::uint64_t>{
                    (seen[0]->*of).value(), (seen[1]->*of).value(), (seen[2]->*of).value()};
            };
            note(field, Difference::length, digests(&Seen::lengths));
            note(field, Difference::value, digests(&Seen::values));
        }
    }

    const Spec& spec_;
    Three<const Answer*> answers_;
    std::vector<OddOne> found_;
};

}  // namespace

std::string_view to_string(Difference difference) {
    return words[static_cast<std::size_t>(difference)];
}

Result<Difference> difference_from(std::string_view word) {
    const auto found = std::ranges::find(words, word);
    if (found == words.end()) return fail(ErrorKind::invalid, "not a kind of difference");
    return static_cast<Difference>(found - words.begin());
}

std::vector<OddOne> find_odd_ones(
    const Spec& spec, const Answer& candidate, const Answer& stable, const Answer& other_stable) {
    return Comparison(spec, {&candidate, &stable, &other_stable}).run();
}

}  // namespace serin::judge::shadow
