#include "stream/outcome_ring.h"

#include "stream/frames.h"

#include <algorithm>
#include <utility>

namespace serin::stream {

OutcomeRing::OutcomeRing(std::size_t bytes_max, std::function<void()> on_news)
    : bytes_max_(bytes_max), on_news_(std::move(on_news)) {}

void OutcomeRing::take(std::span<const RequestOutcome> outcomes) {
    bool must_tell = false;
    {
        const std::lock_guard lock(mutex_);
        stats_.outcomes += outcomes.size();
        while (!outcomes.empty()) {
            std::size_t count = 0;
            std::string frame = encode_batch(next_, outcomes, count);
            outcomes = outcomes.subspan(count);
            const std::uint64_t first = std::exchange(next_, next_ + count);
            if (frame.empty()) {
                stats_.lost += count;
                continue;
            }
            stats_.bytes += frame.size();
            pieces_.push_back(
                {.frame = std::make_shared<const std::string>(std::move(frame)),
                 .first = first,
                 .next = next_});
        }
        make_room();
        must_tell = !std::exchange(is_told_, true);
    }
    if (must_tell) on_news_();
}

// Their numbers are passed over, which is how a reader learns of them.
void OutcomeRing::take_gap(const StreamGap& gap) {
    const std::lock_guard lock(mutex_);
    next_ += gap.outcomes_lost;
    stats_.lost += gap.outcomes_lost;
}

// REQUIRES: the mutex is held.
void OutcomeRing::make_room() {
    while (stats_.bytes > bytes_max_ && !pieces_.empty()) {
        const Piece& oldest = pieces_.front();
        if (oldest.next > read_) stats_.dropped += oldest.next - std::max(oldest.first, read_);
        stats_.bytes -= oldest.frame->size();
        pieces_.pop_front();
    }
}

std::optional<OutcomeRing::Piece> OutcomeRing::piece_from(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    is_told_ = false;
    const auto found = std::ranges::lower_bound(pieces_, number, {}, &Piece::first);
    if (found == pieces_.end()) return std::nullopt;
    return *found;
}

std::uint64_t OutcomeRing::next() const {
    const std::lock_guard lock(mutex_);
    return next_;
}

OutcomeRing::Stats OutcomeRing::stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
}

void OutcomeRing::note_read(std::uint64_t next) {
    const std::lock_guard lock(mutex_);
    read_ = std::max(read_, next);
}

}  // namespace serin::stream
