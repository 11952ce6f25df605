"""Short papers in eight languages, written for this test, a third of each in formulas: the prose alone tells the language."""

import pytest

from preprocess.config import DescribeConfig
from preprocess.stages.describe import describe

SHORT = DescribeConfig(min_language_characters=60)  # texts of a title page's length, far shorter than a paper
DROWNING = (
    r"\[ \int_\Omega \nabla u\cdot\nabla\varphi\,dx = \lambda\int_\Omega u\varphi\,dx, \qquad \sup_{n} \det(a_{ij}) < \infty \]" + "\n\n"
)
TEXTS = [
    (
        "en",
        r"Let $X$ be a smooth projective curve of genus $g\ge 2$ over $\mathbb{C}$, and let $\mathcal{M}_{r,d}$ denote the "
        r"moduli space of stable bundles of rank $r$ and degree $d$ [cite:1]. We compute $H^*(\mathcal{M}_{r,d};\mathbb{Q})$ "
        r"when $(r,d)=1$. \[ P_t = \frac{(1+t)^{2g}}{1-t^2} \] The formula agrees with that of [cite:2] for $r=2$.",
    ),
    (
        "en",
        r"# Proof of Theorem [ref:3]"
        "\n\n"
        r"Suppose $\|u_n\|_{H^1}\le C$. Then $u_n \rightharpoonup u$ in $H^1$, up to a subsequence, so $u_n\to u$ in $L^p$ for "
        r"all $p<2^*$. Hence $\int |u|^p = 1$ and $E(u)\le \liminf E(u_n)$. Since $m$ is the infimum, $E(u)=m$. By the maximum "
        r"principle $u>0$, which completes the proof of the claim.",
    ),
    (
        "en",
        r"We report $\sigma(pp\to t\bar t) = 165 \pm 10$ pb at $\sqrt{s}=7$ TeV. The data sample corresponds to $2.3$ fb$^{-1}$. "
        r"Events with $p_T>25$ GeV and $|\eta|<2.4$ are kept. The background from $W$+jets is estimated from data. No excess "
        r"over the expected yield is seen, and limits on $m_{t'}$ are set at $95\%$ confidence level.",
    ),
    (
        "en",
        r"The graph $G=(V,E)$ is $k$-connected iff $|S|\ge k$ for each cut $S$. Algorithm [ref:1] runs in $O(n\log n)$ time and "
        r"$O(n)$ space. In each step a vertex $v$ with $\deg v<k$ is removed; its neighbours are then updated. The loop ends "
        r"after $n$ steps at most. The result is optimal up to a constant factor $c$.",
    ),
    (
        "fr",
        r"Soit $X$ une variété projective lisse sur $\mathbb{C}$ et soit $\mathcal{L}$ un fibré en droites sur $X$. On suppose "
        r"que $\mathcal{L}$ est ample. Alors $H^i(X,K_X\otimes\mathcal{L})=0$ pour tout $i>0$. La démonstration utilise la "
        r"théorie de Hodge et le théorème de Lefschetz. \[ H^k = \bigoplus H^{p,q} \] On en déduit le corollaire suivant pour "
        r"les surfaces.",
    ),
    (
        "fr",
        r"Posons $f(x)=\sum_{n\ge1} a_n x^n$. Le rayon de convergence est égal à $R$. Pour $|x|<R$ on a donc $f'(x)=\sum n a_n "
        r"x^{n-1}$, ce qui prouve la proposition. Remarquons que cette condition est nécessaire mais pas suffisante : il existe "
        r"des suites $(a_n)$ pour lesquelles la limite n'existe pas (voir [cite:4]).",
    ),
    (
        "fr",
        r"Nous calculons la masse $m_H$ du boson à partir de $\Gamma(H\to\gamma\gamma)$. Les corrections d'ordre $\alpha_s^2$ "
        r"sont prises en compte. Le résultat, $m_H=125{,}1\pm0{,}2$ GeV, est compatible avec les mesures antérieures. "
        r"L'incertitude dominante provient de l'échelle d'énergie des photons.",
    ),
    (
        "de",
        r"Sei $K$ ein Zahlkörper und $\mathcal{O}_K$ sein Ring der ganzen Zahlen. Für jedes Ideal $\mathfrak{a}\ne0$ ist "
        r"$N(\mathfrak{a})=[\mathcal{O}_K:\mathfrak{a}]$ endlich. Wir zeigen, dass $\zeta_K(s)$ sich meromorph auf $\mathbb{C}$ "
        r"fortsetzen lässt und nur bei $s=1$ einen Pol hat. Der Beweis beruht auf der Poissonschen Summenformel.",
    ),
    (
        "de",
        r"Es gilt $\lim_{n\to\infty} x_n = x$ genau dann, wenn zu jedem $\varepsilon>0$ ein $N$ existiert mit "
        r"$|x_n-x|<\varepsilon$ für alle $n\ge N$. Daraus folgt unmittelbar die Eindeutigkeit des Grenzwertes. Die Umkehrung ist "
        r"im Allgemeinen falsch, wie das Beispiel $x_n=(-1)^n$ zeigt. Damit ist der Satz bewiesen.",
    ),
    (
        "de",
        r"Die Leitfähigkeit $\sigma(\omega)$ wurde bei $T=4{,}2$ K gemessen. Unterhalb von $T_c$ öffnet sich eine Lücke "
        r"$2\Delta$. Die Ergebnisse stimmen mit der Theorie überein, sofern man die Streuung an Störstellen berücksichtigt. "
        r"Abbildung [ref:2] zeigt die Abhängigkeit von der Frequenz $\omega$.",
    ),
    (
        "es",
        r"Sea $M$ una variedad riemanniana compacta de dimensión $n$ y sea $\Delta$ su laplaciano. Los valores propios "
        r"$0=\lambda_0<\lambda_1\le\dots$ forman una sucesión que tiende a infinito. En este trabajo demostramos una cota "
        r"inferior para $\lambda_1$ que depende solo del diámetro. \[ \lambda_1\ge\frac{\pi^2}{d^2} \] La igualdad se alcanza en "
        r"el círculo.",
    ),
    (
        "es",
        r"Consideramos la ecuación $u_t=\Delta u+u^p$ en $\mathbb{R}^n$ con dato inicial $u_0\ge0$. Si $p\le1+2/n$, entonces "
        r"toda solución positiva explota en tiempo finito. Este resultado fue obtenido por primera vez en [cite:1]. Aquí damos "
        r"una prueba más sencilla que no utiliza estimaciones de energía.",
    ),
    (
        "it",
        r"Sia $A$ un anello commutativo con unità e sia $M$ un $A$-modulo finitamente generato. Se $\mathfrak{m}M=M$ per ogni "
        r"ideale massimale $\mathfrak{m}$, allora $M=0$. Questo lemma è molto utile nello studio degli anelli locali. Nel "
        r"seguito indichiamo con $k$ il campo residuo $A/\mathfrak{m}$. La dimostrazione procede per induzione sul numero dei "
        r"generatori.",
    ),
    (
        "it",
        r"In questo articolo studiamo le soluzioni dell'equazione $-\Delta u=\lambda e^u$ in un dominio limitato $\Omega$. Si "
        r"dimostra che esiste un valore $\lambda^*$ oltre il quale non ci sono soluzioni. Il metodo si basa su stime a priori e "
        r"sul principio del massimo. Alcuni esempi con $\Omega=B_1$ sono discussi nella sezione [ref:4].",
    ),
    (
        "pt",
        r"Seja $G$ um grupo finito de ordem $n$ e seja $p$ um número primo que divide $n$. Então $G$ possui um elemento de ordem "
        r"$p$. Neste artigo apresentamos uma nova demonstração deste teorema, que não utiliza a teoria das representações. \[ "
        r"|G|=\sum_i [G:C(x_i)] \] Os resultados são ilustrados com vários exemplos.",
    ),
    (
        "pt",
        r"Estudamos o comportamento assintótico das soluções de $u_{tt}-u_{xx}+a(x)u_t=0$ quando $t\to\infty$. Mostramos que a "
        r"energia $E(t)$ decai exponencialmente se $a(x)>0$ em um intervalo. A prova é baseada em uma desigualdade de "
        r"observabilidade e no princípio da continuação única.",
    ),
    (
        "ru",
        r"Пусть $X$ — компактное метрическое пространство и $f\colon X\to X$ — непрерывное отображение. Доказано, что "
        r"топологическая энтропия $h(f)$ не меньше логарифма спектрального радиуса $\rho(f_*)$. Для доказательства используется "
        r"теорема о неподвижной точке. \[ h(f)\ge\log\rho(f_*) \] Приведены примеры, показывающие точность оценки.",
    ),
    (
        "ru",
        r"Рассмотрим уравнение $u_t+uu_x=\nu u_{xx}$ на прямой. Если $\nu\to0$, то решение сходится к обобщённому решению в "
        r"смысле $L^1$. В работе получена оценка скорости сходимости порядка $\nu^{1/2}$. Результаты обобщают теорему из "
        r"[cite:2] на случай систем двух уравнений.",
    ),
    (
        "pl",
        r"Niech $X$ będzie przestrzenią Banacha, a $T\colon X\to X$ operatorem ograniczonym. Mówimy, że $T$ jest zwarty, jeżeli "
        r"obraz kuli jednostkowej ma zwarte domknięcie. W pracy udowodniono, że widmo $\sigma(T)$ jest co najwyżej przeliczalne. "
        r"\[ \sigma(T)\setminus\{0\} \] Podano również kilka zastosowań do równań całkowych.",
    ),
    (
        "pl",
        r"Rozważamy równanie $x'=f(t,x)$ z warunkiem początkowym $x(0)=x_0$. Jeżeli funkcja $f$ spełnia warunek Lipschitza ze "
        r"stałą $L$, to rozwiązanie istnieje i jest jedyne. Dowód opiera się na twierdzeniu o punkcie stałym. Wynik ten można "
        r"uogólnić na przypadek równań z opóźnieniem.",
    ),
]


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_the_language_is_that_of_the_prose_however_many_formulas(language: str, text: str) -> None:
    plain = describe(text, SHORT)
    assert plain.language == language
    assert plain.language_probability > 0.95
    drowned = describe(f"{DROWNING * 20}{text}\n\n{DROWNING * 20}", SHORT)
    assert drowned.math_share > 0.9
    assert (drowned.language, drowned.num_words) == (plain.language, plain.num_words)
    assert drowned.language_probability > 0.9


def test_there_are_twenty_texts_in_eight_languages() -> None:
    assert len(TEXTS) == 20
    assert len({language for language, _ in TEXTS}) == 8
