#include "model/decision.h"

namespace serin {

std::string reason_of(const Decision& decision) {
    std::string text;
    for (const Cause& cause : decision.causes) {
        if (!text.empty()) text += "; ";
        text += cause.reason;
    }
    return text;
}

}  // namespace serin
