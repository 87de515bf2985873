#include "judge/packed.h"
#include "judge/slices/slices.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace serin::judge::slices {

namespace {

constexpr std::uint64_t version = 1;
constexpr std::uint64_t block_max = 1'000;  // Far more than a block has.
constexpr double ln_wealth_max = 1e12;

}  // namespace

// One walk over all fields serves both directions: A is Packer or Unpacker, and what it walks over
// is const or not.
struct Slices::Memory {
    // What anyone may have edited must not break what computes with it.
    static void expect(Packer&, bool) {}
    static void expect(Unpacker& archive, bool is_sound) {
        if (!is_sound) archive.spoil();
    }

    template <class A>
    static void walk_count(A& archive, auto& count) {
        archive.field(count.total);
        archive.field(count.events);
        expect(archive, count.events <= count.total);
    }

    template <class A>
    static void walk_block(A& archive, auto& block) {
        archive.field(block.canary);
        archive.field(block.canary_events);
        archive.field(block.stable);
        archive.field(block.stable_events);
        expect(archive, block.canary_events <= block.canary && block.canary < block_max);
        expect(archive, block.stable_events <= block.stable && block.stable < block_max);
    }

    template <class A>
    static void walk_baseline(A& archive, auto& baseline) {
        archive.field(baseline.events);
        archive.field(baseline.total);
        archive.field(baseline.at_s);
        expect(archive, baseline.events > 0 && baseline.total > 0);
        expect(archive, baseline.events <= baseline.total && std::isfinite(baseline.total));
        expect(archive, std::isfinite(baseline.at_s));
    }

    // Most of many slices has never been judged: then there is no more than that to say.
    template <class A>
    static void walk_harm(A& archive, auto& harm, std::size_t points) {
        archive.field(harm.staked);
        expect(archive, 0 <= harm.staked && harm.staked <= 1);
        if (harm.staked == 0) return;
        for (std::size_t i = 0; i < points; ++i) {
            archive.field(harm.ln_wealth[i]);
            expect(archive, harm.ln_wealth[i] < ln_wealth_max);
        }
        archive.field(harm.origin);
    }

    template <class A>
    static void walk_tally(A& archive, auto& tally, std::size_t points) {
        walk_count(archive, tally.counts.canary);
        walk_count(archive, tally.counts.stable);
        walk_block(archive, tally.pending);
        archive.field(tally.opened_s);
        walk_baseline(archive, tally.baseline);
        walk_harm(archive, tally.harm, points);
        walk_texts(archive, tally.examples);
    }

    static void walk_texts(Packer& archive, const std::vector<std::string>& texts) {
        archive.number(texts.size());
        for (const std::string& text : texts) archive.field(std::string_view(text));
    }
    static void walk_texts(Unpacker& archive, std::vector<std::string>& texts) {
        const std::uint64_t count = archive.number();
        for (std::uint64_t i = 0; i < count && archive.is_sound(); ++i)
            archive.field(texts.emplace_back());
    }

    template <class A>
    static void walk_tallies(A& archive, auto& tallies, std::span<const Question> questions) {
        for (std::size_t i = 0; i < tallies.size(); ++i)
            walk_tally(archive, tallies[i], questions[i].bets.points);
    }

    static void walk_slices(Packer& archive, const Slices& slices) {
        archive.number(slices.dimensions_.size());
        for (const Dimension& dimension : slices.dimensions_) {
            archive.field(std::string_view(dimension.name));
            archive.field(dimension.last_id);
            archive.number(dimension.slices.size());
            for (const Slice& slice : dimension.slices) {
                archive.field(std::string_view(slice.value));
                archive.field(slice.id);
                archive.field(slice.hold);
                walk_tallies(archive, slice.tallies, slices.questions_);
            }
        }
    }
    static void walk_slices(Unpacker& archive, Slices& slices) {
        const std::uint64_t dimensions = archive.number();
        for (std::size_t i = 0; i < dimensions && archive.is_sound(); ++i) {
            std::string name;
            archive.field(name);
            const bool is_header = i >= slices.dimensions_.size();
            if (is_header && slices.dimensions_.size() == dimensions_max) return spoil(archive);
            // Headers come in the order in which they were seen first.
            const std::size_t at = name.find(' ');
            if (is_header && slices.header_dimension(name.substr(at + 1)) == nullptr)
                return spoil(archive);
            if (slices.dimensions_[i].name != name) return spoil(archive);
            read_dimension(archive, slices.dimensions_[i], slices.questions_);
        }
    }
    static void read_dimension(
        Unpacker& archive, Dimension& dimension, std::span<const Question> questions) {
        archive.field(dimension.last_id);
        const std::uint64_t count = archive.number();
        if (count > dimension.slices_max) return spoil(archive);
        for (std::uint64_t i = 0; i < count && archive.is_sound(); ++i) {
            Slice& slice = dimension.slices.emplace_back();
            archive.field(slice.value);
            slice.hash = hash_value(slice.value);
            archive.field(slice.id);
            archive.field(slice.hold);
            slice.tallies.resize(questions.size());
            walk_tallies(archive, slice.tallies, questions);
        }
    }
    // Nothing that follows is read.
    static void spoil(Unpacker& archive) { archive.spoil(); }

    // A row is one number: of each dimension the place of its slice, 0 for none. A slice that had
    // to give way is none: nobody asks for it any more.
    static std::uint64_t to_number(const Slices& slices, const Row& row) {
        std::uint64_t number = 0;
        for (std::size_t i = 0; i < slices.dimensions_.size(); ++i) {
            const std::vector<Slice>& of = slices.dimensions_[i].slices;
            const auto found = std::ranges::find(of, row.slices[i], &Slice::id);
            const bool is_kept = row.slices[i] != 0 && found != of.end();
            const std::uint64_t place =
                is_kept ? static_cast<std::uint64_t>(found - of.begin()) + 1 : 0;
            number = number * (of.size() + 1) + place;
        }
        return number * questions_max + row.question;
    }
    static Row to_row(const Slices& slices, std::uint64_t number) {
        Row row;
        row.question = static_cast<std::uint8_t>(number % questions_max);
        number /= questions_max;
        for (std::size_t i = slices.dimensions_.size(); i-- > 0;) {
            const std::vector<Slice>& of = slices.dimensions_[i].slices;
            const std::uint64_t place = number % (of.size() + 1);
            number /= of.size() + 1;
            if (place > 0) row.slices[i] = of[place - 1].id;
        }
        return row;
    }
    static void walk_rows(Packer& archive, const Slices& slices, const std::vector<Row>& rows) {
        archive.number(rows.size());
        for (const Row& row : rows) archive.number(to_number(slices, row));
    }
    static void walk_rows(
        Unpacker& archive, const Slices& slices, std::vector<Row>& rows, std::size_t most) {
        const std::uint64_t count = archive.number();
        if (count > most) return spoil(archive);
        for (std::uint64_t i = 0; i < count && archive.is_sound(); ++i)
            rows.push_back(to_row(slices, archive.number()));
    }

    template <class A>
    static void walk_clock(A& archive, auto& slices) {
        archive.field(slices.now_s_);
        archive.field(slices.started_s_);
        archive.field(slices.later_steps_);
        archive.field(slices.canary_requests_);
        expect(archive, std::isfinite(slices.now_s_) && std::isfinite(slices.started_s_));
    }
};

std::string Slices::pack() const {
    Packer archive;
    archive.number(version);
    archive.number(questions_.size());
    archive.number(has_started_ ? 1 : 0);
    archive.number(origin_s_ ? 1 : 0);
    archive.field(origin_s_.value_or(0));
    Memory::walk_clock(archive, *this);
    archive.number(next_event_);
    Memory::walk_slices(archive, *this);
    archive.number(statuses_.size());
    for (const Slice& status : statuses_) Memory::walk_tallies(archive, status.tallies, questions_);
    for (const Tally& whole : whole_) {
        Memory::walk_count(archive, whole.counts.canary);
        Memory::walk_count(archive, whole.counts.stable);
    }
    Memory::walk_rows(archive, *this, events_);
    Memory::walk_rows(archive, *this, requests_);
    return archive.text();
}

bool Slices::unpack(std::string_view text) {
    Unpacker archive(text);
    if (archive.number() != version || archive.number() != questions_.size()) return false;
    Slices read(questions_, plan_);
    read.has_started_ = archive.number() != 0;
    const bool has_origin = archive.number() != 0;
    double origin_s = 0;
    archive.field(origin_s);
    if (has_origin) read.origin_s_ = origin_s;
    Memory::walk_clock(archive, read);
    read.next_event_ = archive.number();
    Memory::walk_slices(archive, read);
    if (archive.number() != read.statuses_.size()) return false;
    for (Slice& status : read.statuses_) Memory::walk_tallies(archive, status.tallies, questions_);
    for (Tally& whole : read.whole_) {
        Memory::walk_count(archive, whole.counts.canary);
        Memory::walk_count(archive, whole.counts.stable);
    }
    Memory::walk_rows(archive, read, read.events_, events_kept);
    Memory::walk_rows(archive, read, read.requests_, requests_kept);
    if (!archive.is_complete()) return false;
    *this = std::move(read);
    return true;
}

}  // namespace serin::judge::slices
