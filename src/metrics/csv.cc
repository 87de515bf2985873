#include "metrics/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace serin::metrics {

namespace {

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    Result<std::vector<CsvRow>> rows() {
        std::vector<CsvRow> all;
        while (at_ < text_.size()) {
            CsvRow row;
            if (!take_line_end()) {
                SERIN_TRY(row, read_row());
            }
            all.push_back(std::move(row));
        }
        return all;
    }

private:
    // One line end, or the end of all.
    bool take_line_end() {
        if (at_ >= text_.size()) return true;
        if (text_.substr(at_).starts_with("\r\n")) {
            at_ += 2;
            ++line_;
            return true;
        }
        if (text_[at_] != '\n') return false;
        ++at_;
        ++line_;
        return true;
    }

    Result<CsvRow> read_row() {
        CsvRow row;
        while (true) {
            SERIN_TRY(std::string field, read_field());
            row.push_back(std::move(field));
            if (take_line_end()) return row;
            if (text_[at_] != ',') return refuse("a quote in the middle of a field");
            ++at_;
        }
    }

    Result<std::string> read_field() {
        std::string field;
        if (at_ < text_.size() && text_[at_] == '"') {
            while (true) {
                const auto end = text_.find('"', at_ + 1);
                if (end == std::string_view::npos) return refuse("a quote does not end");
                field += text_.substr(at_ + 1, end - at_ - 1);
                at_ = end + 1;
                if (at_ >= text_.size() || text_[at_] != '"') return field;
                field.push_back('"');  // A quote that was doubled.
            }
        }
        const auto end = std::min(text_.find_first_of(",\n\"", at_), text_.size());
        field = text_.substr(at_, end - at_);
        at_ = end;
        if (field.ends_with('\r') && at_ < text_.size() && text_[at_] == '\n') {
            field.pop_back();
            --at_;
        }
        return field;
    }

    std::unexpected<Error> refuse(std::string_view why) const {
        return fail(ErrorKind::invalid, fmt::format("line {}: {}", line_, why));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
};

}  // namespace

Result<std::vector<CsvRow>> read_csv(std::string_view text) {
    return Reader(text).rows();
}

}  // namespace serin::metrics
