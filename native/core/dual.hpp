// Numbers with their rate of change along one direction.
#pragma once

namespace particlegrid {

struct Dual {
    double value = 0.0, rate = 0.0;

    Dual() = default;
    Dual(double value_) : value(value_) {}  // a constant
    Dual(double value_, double rate_) : value(value_), rate(rate_) {}

    Dual& operator+=(const Dual& x) { return *this = Dual(value + x.value, rate + x.rate); }
    Dual& operator-=(const Dual& x) { return *this = Dual(value - x.value, rate - x.rate); }
};

inline Dual operator+(Dual a, const Dual& b) { return a += b; }
inline Dual operator-(Dual a, const Dual& b) { return a -= b; }
inline Dual operator-(const Dual& a) { return {-a.value, -a.rate}; }
inline Dual operator*(const Dual& a, const Dual& b) { return {a.value * b.value, a.rate * b.value + a.value * b.rate}; }
inline Dual operator/(const Dual& a, const Dual& b) {
    const double ratio = a.value / b.value;
    return {ratio, (a.rate - ratio * b.rate) / b.value};
}

}  // namespace particlegrid
